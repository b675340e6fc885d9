import { useQueryClient } from '@tanstack/react-query';
import { Link } from 'wouter';
import { useAccess } from '../api/access.ts';
import { forgetKey } from '../api/key.ts';
import { useIsKeyWanted, useKeyState } from '../api/key-hooks.ts';
import { useLiveProblem, useLiveState, useStatus } from '../api/live.tsx';
import { stream } from '../api/page-stream.ts';
import type { LiveState } from '../api/stream.ts';
import { Badge } from '../parts/badge.tsx';
import { chooseTheme, type ThemeChoice, useThemeChoice } from '../theme.ts';

export function Header() {
  const isKeyWanted = useIsKeyWanted();
  return (
    <header className="header">
      <Link href="/" className="brand">
        <Mark />
        Tributary
      </Link>
      {isKeyWanted ? null : <Verdict />}
      <div className="header-tools">
        {isKeyWanted ? null : <LiveControl />}
        <KeyControl />
        <ThemeControl />
      </div>
    </header>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" className="mark">
      <path d="M4 6c8 0 8 10 13 10h11" />
      <path d="M4 26c8 0 8-10 13-10" />
      <circle cx="27" cy="16" r="2.6" />
    </svg>
  );
}

/** The verdict of the status, which every page shows. */
function Verdict() {
  const { data, error } = useStatus();
  if (error !== null && data === undefined) return <Badge tone="bad">No answer</Badge>;
  if (data === undefined) return <Badge tone="plain">Looking</Badge>;
  if (error !== null) return <Badge tone="bad">No answer just now</Badge>;
  const { verdict, attention } = data;
  if (verdict === 'ok') return <Badge tone="good">All is well</Badge>;
  if (verdict === 'unreachable') return <Badge tone="bad">Log or store unreachable</Badge>;
  return (
    <Link href="/" className="badge-link">
      <Badge tone="warn">
        {attention.length === 1 ? '1 thing needs a person' : `${attention.length} things need a person`}
      </Badge>
    </Link>
  );
}

const LIVE_WORDS: Readonly<Record<LiveState, readonly [words: string, title: string]>> = {
  connecting: ['Connecting', 'The page connects to the stream of changes.'],
  live: ['Live', 'Changes arrive by the stream, at most a second after they happened.'],
  waiting: ['Connecting again', 'The stream has ended. The page connects again by itself.'],
  polling: ['Every 2 s', 'This order-sync has no stream of changes, so the page reads every 2 seconds.'],
  paused: ['Paused', 'The page stands still. Nothing is lost: it catches up when you go on.'],
};

function LiveControl() {
  const state = useLiveState();
  const problem = useLiveProblem();
  const [words, title] = problem === null ? LIVE_WORDS[state] : ['No changes now', problem];
  const isPaused = state === 'paused';
  return (
    <div className="live" title={title}>
      <span className={`live-dot live-${problem === null ? state : 'waiting'}`} aria-hidden="true" />
      <span className="live-words">{words}</span>
      <button
        type="button"
        className="quiet"
        aria-label={isPaused ? 'Go on with live changes' : 'Pause live changes'}
        onClick={() => (isPaused ? stream.resume() : stream.pause())}
      >
        {isPaused ? 'Go on' : 'Pause'}
      </button>
    </div>
  );
}

function KeyControl() {
  const { isKept } = useKeyState();
  const access = useAccess();
  const queries = useQueryClient();
  if (!isKept) return null;
  const forget = () => {
    forgetKey();
    // What the key has shown goes with it.
    queries.clear();
    stream.restart();
  };
  const scopes = access?.scopes.join(' and ') ?? 'scopes not known yet';
  return (
    <button
      type="button"
      className="quiet"
      title={`Key ${access?.keyName ?? ''}: ${scopes}. It is kept in this tab only.`}
      onClick={forget}
    >
      Forget key
    </button>
  );
}

const THEMES: readonly (readonly [ThemeChoice, string])[] = [
  ['system', 'System theme'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

function ThemeControl() {
  const choice = useThemeChoice();
  return (
    <select
      className="theme"
      aria-label="Theme"
      value={choice}
      onChange={(event) => chooseTheme(event.target.value as ThemeChoice)}
    >
      {THEMES.map(([value, words]) => (
        <option key={value} value={value}>
          {words}
        </option>
      ))}
    </select>
  );
}
