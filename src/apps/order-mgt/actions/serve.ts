import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext } from '../../shared/cli/spec.ts';
import { startOrderMgt } from '../order-mgt.ts';

export async function runServe({ settings, logger, shutdown }: CommandContext<'order-mgt'>): Promise<number> {
  const orderMgt = await startOrderMgt({ ...settings, logger });
  shutdown.defer('order-mgt', () => orderMgt.close());
  await shutdown.requested;
  return EXIT.ok;
}
