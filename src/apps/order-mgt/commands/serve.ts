import type { CommandSpec } from '../../shared/cli/spec.ts';

export function serveCommand(): CommandSpec<'order-mgt'> {
  return {
    name: 'serve',
    summary: 'Listen until stopped. The program does this without a command, too.',
    examples: [
      ['order-mgt serve', 'Listen on port 3001'],
      ['order-mgt serve --port 0', 'Listen on a free port, which the log names'],
    ],
    isDefault: true,
    run: async (context) => (await import('../actions/serve.ts')).runServe(context),
  };
}
