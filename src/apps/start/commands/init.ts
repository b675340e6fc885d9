import type { CommandSpec } from '../../shared/cli/spec.ts';

export function initCommand(): CommandSpec<'tributary'> {
  return {
    name: 'init',
    summary:
      'Make a project with a domain of your own, in a new folder or in this one. Files that are there stay as they are.',
    arguments: [['[folder]', 'The folder. Default: this one.']],
    examples: [
      ['npx tributary init parcels', 'Make the folder parcels with a project that runs at once'],
      ['npx tributary init', 'Make the project in this folder'],
    ],
    run: async (context, input) => (await import('../actions/init.ts')).runInit(context, input),
  };
}
