import { useState } from 'react';
import { useMayOperate } from '../../api/access.ts';
import { NEEDS_OPERATE } from '../../parts/confirm-dialog.tsx';
import { newOrderId, SCENARIOS, type Scenario, type ScenarioStep } from './scenarios.ts';

interface Props {
  readonly run: (steps: readonly ScenarioStep[]) => Promise<void>;
}

/** Streams of events that happen in life. Each makes an order of its own. */
export function ScenarioList({ run }: Props) {
  const mayOperate = useMayOperate();
  const [running, setRunning] = useState<string | null>(null);
  const begin = async ({ name, steps }: Scenario) => {
    setRunning(name);
    const nowMs = Date.now();
    await run(steps(newOrderId(nowMs, Math.random()), nowMs));
    setRunning(null);
  };
  return (
    <ul className="scenarios">
      {SCENARIOS.map((scenario) => (
        <li key={scenario.name} className="scenario">
          <h3>{scenario.name}</h3>
          <p>{scenario.explanation}</p>
          <button
            type="button"
            className="primary"
            disabled={!mayOperate || running !== null}
            title={mayOperate ? undefined : NEEDS_OPERATE}
            onClick={() => void begin(scenario)}
          >
            {running === scenario.name ? 'Sending…' : 'Send'}
            <span className="visually-hidden"> {scenario.name}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
