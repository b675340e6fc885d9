import { EventEmitter } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type DriverCommand, sendAtOnce } from '../../../src/adapters/mysql/command-train.ts';

/** A packet of a server's answer. */
interface Answer {
  readonly text: string;
  readonly sequenceId: number;
  readonly isLast: boolean;
}

/** The driver's connection, as far as its queue goes, over a stream that keeps what it is sent. */
class Driver {
  sequenceId = 0;
  _command: DriverCommand | undefined = undefined;
  readonly _commands: DriverCommand[] = [];
  /** The texts of each packet of the network. */
  readonly packets: string[][] = [];
  readonly outOfSequence: string[] = [];
  #held: string[] | null = null;
  readonly stream = {
    cork: () => {
      this.#held = [];
    },
    uncork: () => {
      if (this.#held !== null && this.#held.length > 0) this.packets.push(this.#held);
      this.#held = null;
    },
    get writableLength(): number {
      return 0;
    },
  };

  write(text: string): void {
    this.sequenceId = 1;
    if (this.#held === null) this.packets.push([text]);
    else this.#held.push(text);
  }

  addCommand(command: DriverCommand): void {
    if (this._command !== undefined) {
      this._commands.push(command);
      return;
    }
    this._command = command;
    this.handlePacket();
  }

  handlePacket(answer?: Answer): void {
    if (answer !== undefined) {
      if (answer.sequenceId !== this.sequenceId) this.outOfSequence.push(answer.text);
      this.sequenceId++;
    }
    if (!this._command?.execute(answer, this as never)) return;
    this._command = this._commands.shift();
    if (this._command !== undefined) this.handlePacket();
  }

  /** As the driver does when the connection breaks. */
  breaks(error: Error): void {
    this._command?.onResult?.(error);
  }

  /** The server answers with this many packets. */
  answer(text: string, count = 1): void {
    for (let number = 1; number <= count; number++)
      this.handlePacket({ text, sequenceId: number, isLast: number === count });
  }
}

class Query extends EventEmitter {
  readonly answers: string[] = [];
  error: Error | undefined;
  readonly #text: string;

  constructor(text: string) {
    super();
    this.#text = text;
  }

  readonly onResult = (error: Error) => {
    this.error = error;
  };

  execute(answer: Answer | undefined, driver: Driver): boolean {
    if (answer === undefined) driver.write(this.#text);
    else this.answers.push(answer.text);
    return answer?.isLast === true;
  }
}
class Prepare extends Query {}
class Ping extends Query {}
class CloseStatement extends Query {
  override execute(_answer: Answer | undefined, driver: Driver): boolean {
    super.execute(undefined, driver);
    return true;
  }
}
class Executions extends Query {
  hasMoreToSend = true;

  override execute(answer: Answer | undefined, driver: Driver): boolean {
    if (answer === undefined) return super.execute(answer, driver);
    this.answers.push(answer.text);
    if (!this.hasMoreToSend) return true;
    this.hasMoreToSend = false;
    driver.write('the second part');
    return false;
  }
}

function connected(mayFollow = () => true) {
  const driver = new Driver();
  sendAtOnce(driver, mayFollow);
  const give = <Some extends Query>(command: Some): Some => {
    driver.addCommand(command as unknown as DriverCommand);
    return command;
  };
  return { driver, give };
}

describe('commands that are sent without waiting for answers', () => {
  it('those of one turn go in one packet, and each gets its own answers', async () => {
    const { driver, give } = connected();
    const [first, second, third] = [give(new Query('a')), give(new Query('b')), give(new Query('c'))];
    await nextTurn();
    expect(driver.packets).toEqual([['a', 'b', 'c']]);
    driver.answer('to a');
    driver.answer('to b', 3);
    driver.answer('to c');
    expect([first, second, third].map(({ answers }) => answers)).toEqual([
      ['to a'],
      ['to b', 'to b', 'to b'],
      ['to c'],
    ]);
    expect(driver.outOfSequence).toEqual([]);
    expect(driver._command).toBeUndefined();
  });

  it('one that is given in the middle of an answer is sent at once, and the answer goes on', async () => {
    const { driver, give } = connected();
    const first = give(new Query('a'));
    await nextTurn();
    driver.handlePacket({ text: 'to a', sequenceId: 1, isLast: false });
    give(new Query('b'));
    await nextTurn();
    expect(driver.packets).toEqual([['a'], ['b']]);
    driver.handlePacket({ text: 'to a', sequenceId: 2, isLast: true });
    driver.answer('to b');
    expect(first.answers).toEqual(['to a', 'to a']);
    expect(driver.outOfSequence).toEqual([]);
  });

  it('nothing is sent behind the preparation of a statement before that is answered', async () => {
    const { driver, give } = connected();
    give(new Prepare('prepare'));
    give(new Query('run'));
    await nextTurn();
    expect(driver.packets).toEqual([['prepare']]);
    driver.answer('number 7', 2);
    expect(driver.packets.flat()).toEqual(['prepare', 'run']);
  });

  it('nothing is sent behind a command that sends more once its first part is answered', async () => {
    const { driver, give } = connected();
    give(new Executions('the first part'));
    give(new Query('behind'));
    await nextTurn();
    driver.answer('one');
    expect(driver.packets.flat()).toEqual(['the first part', 'the second part', 'behind']);
    driver.answer('two');
    driver.answer('three');
    expect(driver.outOfSequence).toEqual([]);
    expect(driver._command).toBeUndefined();
  });

  it('a command without an answer lets the next one go on', async () => {
    const { driver, give } = connected();
    give(new CloseStatement('close'));
    give(new Query('a'));
    await nextTurn();
    expect(driver.packets.flat()).toEqual(['close', 'a']);
    driver.answer('to a');
    expect(driver._command).toBeUndefined();
  });

  it('a command of any other kind waits for all answers, and those behind it wait for it', async () => {
    const { driver, give } = connected();
    give(new Query('a'));
    give(new Ping('ping'));
    give(new Query('b'));
    await nextTurn();
    expect(driver.packets.flat()).toEqual(['a']);
    driver.answer('to a');
    expect(driver.packets.flat()).toEqual(['a', 'ping']);
    driver.answer('pong');
    expect(driver.packets.flat()).toEqual(['a', 'ping', 'b']);
  });

  it('every command without an answer gets the error of a connection that breaks', async () => {
    const { driver, give } = connected();
    const answered = give(new Query('a'));
    const others = [give(new Query('b')), give(new Prepare('c')), give(new Query('not sent'))];
    await nextTurn();
    driver.answer('to a');
    const error = new Error('gone');
    driver.breaks(error);
    expect(answered.error).toBeUndefined();
    expect(others.map((other) => other.error)).toEqual([error, error, error]);
  });

  it('the driver sends one after the other where they must not follow each other', async () => {
    const { driver, give } = connected(() => false);
    give(new Query('a'));
    give(new Query('b'));
    await nextTurn();
    expect(driver.packets).toEqual([['a']]);
    driver.answer('to a');
    expect(driver.packets).toEqual([['a'], ['b']]);
  });
});
