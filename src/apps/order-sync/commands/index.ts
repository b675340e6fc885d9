import type { Clock } from '../../../ports/clock.ts';
import { keysMakeCommand } from '../../shared/cli/keys-command.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { adoptCommand } from './adopt.ts';
import { checkTargetCommand } from './check-target.ts';
import { migrateCommand } from './migrate.ts';
import { parkedCommand, unparkCommand } from './parked.ts';
import { partitionsCommand } from './partitions.ts';
import { quarantineCommand } from './quarantine.ts';
import { reconcileCommand } from './reconcile.ts';
import { deadLettersCommand, jobsCommand, redriveCommand } from './redrive.ts';
import { resumeCommand } from './resume.ts';
import { runCommand } from './run.ts';
import { takeGroupCommand } from './take-group.ts';
import { verifyCommand } from './verify.ts';

/** The commands of order-sync, in the sequence of its help. */
export function commandsOf(clock: Clock): CommandSpec<'order-sync'>[] {
  return [
    runCommand(clock),
    adoptCommand(clock),
    partitionsCommand(clock),
    resumeCommand(clock),
    takeGroupCommand(clock),
    quarantineCommand(clock),
    migrateCommand(clock),
    parkedCommand(clock),
    unparkCommand(clock),
    checkTargetCommand(),
    deadLettersCommand(clock),
    redriveCommand(clock),
    jobsCommand(clock),
    reconcileCommand(clock),
    verifyCommand(clock),
    keysMakeCommand('order-sync', 'ORDER_SYNC_API_KEYS'),
  ];
}
