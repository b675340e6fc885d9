import type { InstanceTarget } from '../../../src/pipeline/status/instance.ts';
import type { Status } from './types.ts';

/** What the instance says of one target; undefined if it says nothing. */
export function targetOf(status: Status, name: string): InstanceTarget | undefined {
  return status.instance?.targets[name] as InstanceTarget | undefined;
}
