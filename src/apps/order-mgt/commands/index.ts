import { keysMakeCommand } from '../../shared/cli/keys-command.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { migrateCommand } from './migrate.ts';
import { serveCommand } from './serve.ts';

/** The commands of order-mgt, in the sequence of its help. */
export function commandsOf(): CommandSpec<'order-mgt'>[] {
  return [serveCommand(), migrateCommand(), keysMakeCommand('order-mgt', 'ORDER_MGT_API_KEYS')];
}
