import type { Clock } from '../../../ports/clock.ts';
import { keysMakeCommand } from '../../shared/cli/keys-command.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { SYNCED_ORDERS, type Synced } from '../../shared/settings/synced.ts';
import { adoptCommand } from './adopt.ts';
import { auditCommand } from './audit.ts';
import { checkTargetCommand } from './check-target.ts';
import { explainCommand, whatIfCommand } from './explain.ts';
import { cancelJobCommand, jobsCommand } from './jobs.ts';
import { migrateCommand } from './migrate.ts';
import { ordersCommand, stuckCommand } from './orders.ts';
import { parkedCommand, unparkCommand } from './parked.ts';
import { partitionsCommand } from './partitions.ts';
import { holdsCommand, pauseCommand, unpauseCommand } from './pause.ts';
import { publishCommand } from './publish.ts';
import { quarantineCommand } from './quarantine.ts';
import { quarantineDiscardCommand, quarantineRedriveCommand } from './quarantine-settle.ts';
import { quarantineShowCommand } from './quarantine-show.ts';
import { rebuildCommand } from './rebuild.ts';
import { reconcileCommand } from './reconcile.ts';
import { deadLettersCommand, redriveCommand } from './redrive.ts';
import { resumeCommand } from './resume.ts';
import { runCommand } from './run.ts';
import { statusCommand } from './status.ts';
import { tailCommand } from './tail.ts';
import { takeGroupCommand } from './take-group.ts';
import { verifyCommand } from './verify.ts';

/**
 * The commands of order-sync, in the sequence of its help. A domain of somebody else lists its entities by their own name. It
 * has a command that publishes events, as the orders have event-producer.
 */
export function commandsOf(clock: Clock, synced: Synced = SYNCED_ORDERS): CommandSpec<'order-sync'>[] {
  if (synced === SYNCED_ORDERS) return orderCommands(clock);
  const own = orderCommands(clock)
    .filter(({ name }) => name !== 'adopt' || synced.domain.adoption !== undefined)
    .map((command) => (command.name === 'orders' ? { ...command, name: synced.plural } : command));
  const [run, ...others] = own;
  return run === undefined ? [] : [run, publishCommand(clock), ...others];
}

function orderCommands(clock: Clock): CommandSpec<'order-sync'>[] {
  return [
    runCommand(clock),
    statusCommand(clock),
    adoptCommand(clock),
    ordersCommand(clock),
    explainCommand(clock),
    whatIfCommand(clock),
    stuckCommand(clock),
    tailCommand(clock),
    partitionsCommand(clock),
    resumeCommand(clock),
    pauseCommand(clock),
    unpauseCommand(clock),
    holdsCommand(clock),
    takeGroupCommand(clock),
    quarantineCommand(clock),
    quarantineShowCommand(clock),
    quarantineRedriveCommand(clock),
    quarantineDiscardCommand(clock),
    migrateCommand(clock),
    parkedCommand(clock),
    unparkCommand(clock),
    checkTargetCommand(),
    deadLettersCommand(clock),
    redriveCommand(clock),
    jobsCommand(clock),
    cancelJobCommand(clock),
    auditCommand(clock),
    reconcileCommand(clock),
    rebuildCommand(clock),
    verifyCommand(clock),
    keysMakeCommand('order-sync', 'ORDER_SYNC_API_KEYS'),
  ];
}
