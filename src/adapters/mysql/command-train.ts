import type { EventEmitter } from 'node:events';

/*
 * The driver sends a command once the one before it has its answer. Here a command is sent as soon as it is given,
 * behind the others, and those of one turn of the event loop go in one packet. The server works them off one after the
 * other, as it would with the driver's own queue, and answers them in the same sequence. So a caller that begins several
 * statements without waiting saves the ways to the server and back between them.
 */

/** What we use of the driver's own commands, beyond their types. */
export interface DriverCommand extends EventEmitter {
  /** Sends its packets if there is no answer yet, else takes the answer. Answers whether the command is over. */
  execute(answer: unknown, connection: CoreConnection): boolean;
  /** The driver calls it when the connection breaks. */
  readonly onResult?: (error: Error) => void;
  /** Whether it sends more packets once some are answered. Nothing may be sent behind it before. */
  readonly hasMoreToSend?: boolean;
}

/** What we use of the driver's own connection, beyond its types. */
interface CoreConnection {
  readonly stream: { cork(): void; uncork(): void; readonly writableLength: number };
  /** The number of the next packet, sent or received. */
  sequenceId: number;
  readonly _command?: unknown;
  /** The commands that wait for the one that runs. */
  readonly _commands: { readonly length: number };
  addCommand(command: DriverCommand): unknown;
  /** Without a packet, it has the running command send. An error of it closes the connection. */
  handlePacket(): void;
}

/** The driver's commands that may follow each other at once. All others wait for their turn in the driver's queue. */
const FOLLOWING = new Set(['Query', 'Execute', 'Executions', 'Prepare', 'CloseStatement']);
/** The most commands that are sent and not answered. */
const UNANSWERED_MAX = 64;
/** More bytes than these are sent at once, so that the server has work while the next ones are written. */
export const HELD_BYTES = 32 * 1024;

/** Has the connection send commands without waiting for the answers to those before them, while `mayFollow` holds. */
export function sendAtOnce(connection: object, mayFollow: () => boolean): void {
  const core = connection as CoreConnection;
  const addAlone = core.addCommand.bind(core);
  let isHeld = false;
  const release = () => {
    if (!isHeld) return;
    isHeld = false;
    core.stream.uncork();
  };
  core.addCommand = (command) => {
    const { _command: running } = core;
    const isFollowing = mayFollow() && FOLLOWING.has(command.constructor.name) && core._commands.length === 0;
    if (!isFollowing || !(running instanceof CommandTrain || running === null || running === undefined))
      return addAlone(command);
    if (!isHeld) {
      isHeld = true;
      core.stream.cork();
      process.nextTick(release);
    }
    if (running instanceof CommandTrain) {
      running.add(command);
      core.handlePacket();
    } else addAlone(new CommandTrain(command) as unknown as DriverCommand);
    if (core.stream.writableLength > HELD_BYTES) release();
    return command;
  };
}

/** Commands that run as one command of the driver: they are sent one behind the other, and answered in this sequence. */
class CommandTrain {
  /** The commands that were not sent yet. */
  readonly #waiting: DriverCommand[] = [];
  /** The commands that were sent, with the number of the first packet of their answer. */
  readonly #sent: { readonly command: DriverCommand; readonly answerId: number }[] = [];
  #isBusy = false;

  constructor(command: DriverCommand) {
    this.#waiting.push(command);
  }

  add(command: DriverCommand): void {
    this.#waiting.push(command);
  }

  /** The driver calls it with an error if the connection breaks. */
  onResult(error: Error): void {
    for (const { command } of this.#sent) command.onResult?.(error);
    for (const command of this.#waiting) command.onResult?.(error);
  }

  execute(answer: unknown, core: CoreConnection): boolean {
    // A command that ends may close a statement, which is a command too. The call that is under way sends it.
    if (this.#isBusy) return false;
    this.#isBusy = true;
    const head = this.#sent[0];
    if (answer !== undefined && head?.command.execute(answer, core)) {
      this.#sent.shift();
      const next = this.#sent[0];
      if (next !== undefined) core.sequenceId = next.answerId;
    }
    while (this.#maySend()) this.#send(core);
    this.#isBusy = false;
    return this.#sent.length === 0;
  }

  #maySend(): boolean {
    if (this.#waiting.length === 0 || this.#sent.length >= UNANSWERED_MAX) return false;
    const last = this.#sent.at(-1)?.command;
    // An execution needs the number of its statement, which is the answer to the command before it.
    return last === undefined || !(last.hasMoreToSend || last.constructor.name === 'Prepare');
  }

  #send(core: CoreConnection): void {
    const command = this.#waiting[0] as DriverCommand;
    const awaitedId = core.sequenceId;
    const isOver = command.execute(undefined, core);
    this.#waiting.shift();
    const answerId = core.sequenceId;
    if (this.#sent.length > 0) core.sequenceId = awaitedId;
    if (!isOver) this.#sent.push({ command, answerId });
  }
}
