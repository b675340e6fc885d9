import { Slider } from '@base-ui/react/slider';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useId } from 'react';
import { get } from '../../api/client.ts';
import { orderPath, pathOf } from '../../api/paths.ts';
import type { OrderDiff, OrderEvent, OrderState } from '../../api/types.ts';
import { useQueryState } from '../../location.ts';
import { CopyCurl, CopyJson } from '../../parts/copy-button.tsx';
import { ErrorNote } from '../../parts/error-note.tsx';
import { TextFilter } from '../../parts/filters.tsx';
import { utcText } from '../../text/time.ts';
import { said } from '../../text/words.ts';
import {
  type Moment,
  momentsOf,
  placeAmong,
  sideBefore,
  sideOf,
  stateQuery,
  type TravelMode,
} from './moments.ts';
import { StateTable } from './state-table.tsx';

const MODES: readonly (readonly [mode: TravelMode, words: string, explanation: string])[] = [
  ['version', 'By version', 'The state after the first events, in the sequence of their arrival.'],
  [
    'at',
    'By what had happened',
    'The state by all events that had happened by this moment, even if they arrived later.',
  ],
  [
    'known',
    'By what was known',
    'The state as order-sync knew it: by the events that had arrived by this moment.',
  ],
];

/** The chosen moment of the address; the present without one. */
export function useMoment(version: number): { readonly moment: Moment; readonly isNow: boolean } {
  const [query] = useQueryState();
  const asked = query.get('mode');
  const mode: TravelMode = asked === 'at' || asked === 'known' ? asked : 'version';
  const given = query.get(mode === 'version' ? 'v' : 't');
  if (mode === 'version') {
    const isVersion = given !== null && /^\d{1,15}$/.test(given) && Number(given) < version;
    return { moment: { mode, value: isVersion ? given : String(version) }, isNow: !isVersion };
  }
  const isMoment = given !== null && !Number.isNaN(Date.parse(given));
  return { moment: { mode, value: isMoment ? given : FAR_AHEAD }, isNow: !isMoment };
}

/** Behind every event that there can be. */
const FAR_AHEAD = '9999-12-31T23:59:59Z';

/** The state at a moment. */
export function useStateAt(id: string, moment: Moment, isNow: boolean) {
  const path = pathOf(`${orderPath(id)}/state`, isNow && moment.mode !== 'version' ? {} : stateQuery(moment));
  const state = useQuery({
    queryKey: ['order', id, 'state', path],
    queryFn: ({ signal }) => get<OrderState>(path, signal),
    placeholderData: keepPreviousData,
  });
  return { ...state, path };
}

interface Props {
  readonly id: string;
  readonly version: number;
  readonly events: readonly OrderEvent[];
  readonly moment: Moment;
  readonly isNow: boolean;
}

/** Goes back in the life of an order, and shows the state there and what differs from the moment before. */
export function TimeTravel({ id, version, events, moment, isNow }: Props) {
  const [, change] = useQueryState();
  const { mode } = moment;
  const moments = momentsOf(events, mode);
  const max = mode === 'version' ? version : moments.length;
  const place = mode === 'version' ? Number(moment.value) : isNow ? max : placeAmong(moments, moment.value);
  const go = (next: number) => {
    if (next >= max) change({ v: null, t: null });
    else if (mode === 'version') change({ v: String(next), t: null });
    else change({ v: null, t: next === 0 ? beforeAll(moments) : (moments[next - 1] ?? null) });
  };
  const words = wordsFor(moment, isNow, place, max);
  return (
    <div className="travel">
      <Modes
        mode={mode}
        onChange={(value) => change({ mode: value === 'version' ? null : value, v: null, t: null })}
      />
      <MomentSlider max={max} place={place} words={words} onGo={go} />
      <div className="row-actions">
        <button type="button" disabled={place <= 0} onClick={() => go(place - 1)}>
          Back
        </button>
        <button type="button" disabled={place >= max} onClick={() => go(place + 1)}>
          Forward
        </button>
        <strong>{words}</strong>
        {isNow ? null : (
          <button type="button" className="quiet" onClick={() => go(max)}>
            Go to now
          </button>
        )}
        {mode === 'version' ? null : (
          <TextFilter
            label="Exact moment (RFC 3339)"
            value={isNow ? '' : moment.value}
            placeholder="2026-11-22T10:00:00Z"
            onChange={(value) => change({ t: value })}
          />
        )}
      </div>
      <StateThere id={id} moment={moment} moments={moments} isNow={isNow} />
    </div>
  );
}

function Modes({
  mode,
  onChange,
}: {
  readonly mode: TravelMode;
  readonly onChange: (mode: TravelMode) => void;
}) {
  const group = useId();
  const [, , explanation = ''] = MODES.find(([known]) => known === mode) ?? [];
  return (
    <>
      <fieldset className="travel-modes">
        <legend className="visually-hidden">How to go back</legend>
        {MODES.map(([value, title]) => (
          <label key={value} className="travel-mode">
            <input type="radio" name={group} checked={mode === value} onChange={() => onChange(value)} />
            {title}
          </label>
        ))}
      </fieldset>
      <p className="faint">{explanation}</p>
    </>
  );
}

function MomentSlider({
  max,
  place,
  words,
  onGo,
}: {
  readonly max: number;
  readonly place: number;
  readonly words: string;
  readonly onGo: (place: number) => void;
}) {
  return (
    <Slider.Root
      className="slider"
      min={0}
      max={Math.max(1, max)}
      step={1}
      largeStep={10}
      value={place}
      onValueChange={(value: number) => onGo(value)}
    >
      <Slider.Control className="slider-control">
        <Slider.Track className="slider-track">
          <Slider.Indicator className="slider-indicator" />
          <Slider.Thumb
            className="slider-thumb"
            getAriaLabel={() => said('Moment in the life of the order')}
            getAriaValueText={() => words}
          />
        </Slider.Track>
      </Slider.Control>
    </Slider.Root>
  );
}

function wordsFor({ mode, value }: Moment, isNow: boolean, place: number, max: number): string {
  if (mode === 'version')
    return place === max ? `Version ${value}, the latest` : `Version ${value} of ${max}`;
  return isNow ? 'Now' : `${utcText(value)} UTC`;
}

function beforeAll(moments: readonly string[]): string {
  return new Date(Date.parse(moments[0] ?? FAR_AHEAD) - 1).toISOString();
}

function StateThere({
  id,
  moment,
  moments,
  isNow,
}: Pick<Props, 'id' | 'moment' | 'isNow'> & { readonly moments: readonly string[] }) {
  const { data: state, error, path } = useStateAt(id, moment, isNow);
  const from = sideBefore(moment, moments);
  const diffPath = pathOf(`${orderPath(id)}/diff`, {
    from,
    to: isNow && moment.mode !== 'version' ? 'now' : sideOf(moment),
  });
  const { data: diff } = useQuery({
    queryKey: ['order', id, 'diff', diffPath],
    queryFn: ({ signal }) => get<OrderDiff>(diffPath, signal),
    enabled: from !== null,
    placeholderData: keepPreviousData,
  });
  if (error !== null) return <ErrorNote error={error} />;
  if (state === undefined) return null;
  return (
    <>
      <StateTable state={state} diff={from === null ? undefined : diff} />
      <div className="row-actions">
        <CopyJson value={state} />
        <CopyCurl path={path} />
      </div>
    </>
  );
}
