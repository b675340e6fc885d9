import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { startOrderMgt } from '../order-mgt.ts';

export function serveCommand(): CommandSpec<'order-mgt'> {
  return {
    name: 'serve',
    summary: 'Listen until stopped. The program does this without a command, too.',
    examples: [
      ['order-mgt serve', 'Listen on port 3001'],
      ['order-mgt serve --port 0', 'Listen on a free port, which the log names'],
    ],
    isDefault: true,
    async run({ settings, logger, shutdown }) {
      const orderMgt = await startOrderMgt({ ...settings, logger });
      shutdown.defer('order-mgt', () => orderMgt.close());
      await shutdown.requested;
      return EXIT.ok;
    },
  };
}
