import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ProblemError } from '../../console/src/api/problem.ts';
import { type LiveMessage, LiveStream } from '../../console/src/api/stream.ts';

/** A server of one stream at a time, which the test writes to. */
function server() {
  const asked: { path: string; lastId: string | null }[] = [];
  let problem: ProblemError | null = null;
  let writer: ReadableStreamDefaultController<Uint8Array> | undefined;
  const stream = new LiveStream(async (path, { headers, signal }) => {
    asked.push({ path, lastId: new Headers(headers).get('last-event-id') });
    if (problem !== null) throw problem;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        writer = controller;
        signal?.addEventListener('abort', () => controller.error(new Error('aborted')));
      },
    });
    return new Response(body);
  });
  const heard: LiveMessage[] = [];
  stream.subscribe((message) => heard.push(message));
  return {
    stream,
    asked,
    heard,
    write: (text: string) => writer?.enqueue(new TextEncoder().encode(text)),
    end: () => writer?.close(),
    refuseWith: (status: number) => {
      problem = new ProblemError({ status, title: '', code: '', detail: '' });
    },
    take: () => {
      problem = null;
    },
  };
}

const changes = (id: string) =>
  `event: changes\nid: ${id}\ndata: {"at":"","records":1,"refused":0,"orders":[],"more":0}\n\n`;

/** Lets the stream connect, and read what was written. */
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('LiveStream', () => {
  it('connects once for subscribers of the same moment, and names the orders that they watch', async () => {
    const { stream, asked } = server();
    stream.start();
    stream.watchOrder('a b');
    stream.watchOrder('c');
    await pass(1_000);
    expect(asked).toEqual([{ path: '/api/v1/stream?order=a%20b&order=c', lastId: null }]);
    expect(stream.state()).toBe('live');
  });

  it('hands messages on, and connects again behind the last one', async () => {
    const { stream, asked, heard, write, end } = server();
    stream.start();
    await pass(100);
    write(changes('5'));
    await pass(10);
    expect(heard.map(({ kind }) => kind)).toEqual(['begin', 'changes']);
    end();
    await pass(10);
    expect(stream.state()).toBe('waiting');
    await pass(1_000);
    expect(asked.map(({ lastId }) => lastId)).toEqual([null, '5']);
    expect(stream.state()).toBe('live');
  });

  it('keeps its position when the watched orders change', async () => {
    const { stream, asked, write } = server();
    stream.start();
    await pass(100);
    write(changes('5'));
    await pass(10);
    const end = stream.watchOrder('x');
    await pass(100);
    end();
    await pass(100);
    expect(asked).toEqual([
      { path: '/api/v1/stream', lastId: null },
      { path: '/api/v1/stream?order=x', lastId: '5' },
      { path: '/api/v1/stream', lastId: '5' },
    ]);
  });

  it('asks for everything anew after it lost a connection without a position', async () => {
    const { stream, heard, end } = server();
    stream.start();
    await pass(100);
    end();
    await pass(1_000);
    expect(heard).toEqual([{ kind: 'begin' }, { kind: 'reset' }]);
  });

  it('reads nothing while paused, and catches up when it goes on', async () => {
    const { stream, asked, write } = server();
    stream.start();
    await pass(100);
    write(changes('7'));
    await pass(10);
    stream.pause();
    await pass(60_000);
    expect(stream.state()).toBe('paused');
    expect(asked).toHaveLength(1);
    stream.resume();
    await pass(100);
    expect(asked.at(-1)).toEqual({ path: '/api/v1/stream', lastId: '7' });
  });

  it('gives the stream up for good where the server has none', async () => {
    const { stream, asked, refuseWith } = server();
    refuseWith(404);
    stream.start();
    await pass(60_000);
    expect(stream.state()).toBe('polling');
    expect(asked).toHaveLength(1);
  });

  it('waits for a key that the server takes', async () => {
    const { stream, asked, refuseWith, take } = server();
    refuseWith(401);
    stream.start();
    await pass(60_000);
    expect(asked).toHaveLength(1);
    take();
    stream.restart();
    await pass(100);
    expect(stream.state()).toBe('live');
  });

  it('tries again with longer pauses while the server does not answer', async () => {
    const { stream, asked, refuseWith, take } = server();
    refuseWith(503);
    stream.start();
    await pass(120_000);
    expect(stream.state()).toBe('waiting');
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.length).toBeLessThan(25);
    take();
    await pass(16_000);
    expect(stream.state()).toBe('live');
  });

  it('ends a connection that is silent for longer than the comments of the server allow', async () => {
    const { stream, asked, write } = server();
    stream.start();
    await pass(100);
    await pass(30_000);
    write(': still here\n\n');
    await pass(30_000);
    expect(asked).toHaveLength(1);
    await pass(15_000);
    expect(asked).toHaveLength(2);
  });

  it('says why no changes come, until they come again', async () => {
    const { stream, write } = server();
    stream.start();
    await pass(100);
    write('event: note\ndata: {"at":"","problem":"The log does not answer."}\n\n');
    await pass(10);
    expect(stream.problem()).toBe('The log does not answer.');
    write('event: note\ndata: {"at":"","problem":null}\n\n');
    await pass(10);
    expect(stream.problem()).toBeNull();
  });
});
