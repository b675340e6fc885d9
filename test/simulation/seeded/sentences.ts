import type { Act, History, StoreWeather, TargetWeather } from './history.ts';
import { orderIdOf, type RecordSpec, topicOf } from './records.ts';

/** The history in plain sentences, one a line. */
export function sentencesOf({ seed, shape, acts, diesAtStep }: History): string[] {
  const { partitions, instances, lanes, batchEvents, cacheEvents } = shape;
  const first =
    `Seed ${seed}: ${count(instances, 'instance')} with ${count(lanes, 'lane')}, batches of up to ${batchEvents} and a cache for ${cacheEvents} events; ` +
    `${count(partitions.orders, 'partition')} of orders and ${partitions.payments} of payments.`;
  const death = diesAtStep === undefined ? [] : [`The first process dies at its step ${diesAtStep}.`];
  return [first, ...death, ...acts.map((act) => `At ${Math.round(act.atMs)} ms ${sentenceOf(act)}.`)];
}

function sentenceOf(act: Act): string {
  switch (act.kind) {
    case 'publish':
      return `somebody publishes ${act.records.map(recordSentence).join(', ')}`;
    case 'start':
      return 'one more instance starts';
    case 'stop':
      return `instance ${act.instance} is asked to stop`;
    case 'kill':
      return `instance ${act.instance} is killed ${count(act.afterSteps, 'step')} later`;
    case 'freeze':
      return `instance ${act.instance} freezes for ${seconds(act.ms)}${act.inCommit ? ' at its next COMMIT' : ''}`;
    case 'clock':
      return `the clock of instance ${act.instance} jumps by ${seconds(act.ms)}`;
    case 'store':
      return `the database is troubled for ${seconds(act.ms)}: ${storeSentence(act.weather)}`;
    case 'snapshot':
      return 'a snapshot of the database is taken';
    case 'store_back':
      return `the database goes back to its snapshot${act.isRestore ? ' by a restore' : ''}`;
    case 'log':
      return `the log refuses ${percent(act.weather.refuses)} of the requests and takes up to ${act.weather.slowMs} ms longer, for ${seconds(act.ms)}`;
    case 'shuffle':
      return 'the group shares its partitions out anew';
    case 'expel':
      return `the group expels instance ${act.instance}`;
    case 'fence':
      return `somebody else acquires partition ${act.partition}`;
    case 'gap':
      return `partition ${act.partition} leaves out ${count(act.offsets, 'offset')}`;
    case 'spoil':
      return `the disk spoils the next record of partition ${act.partition}`;
    case 'retention':
      return `the log deletes the oldest ${percent(act.share)} of partition ${act.partition}`;
    case 'leaderless':
      return `partition ${act.partition} has no leader for ${seconds(act.ms)}`;
    case 'election':
      return `partition ${act.partition} gets a new leader, which lacks ${count(act.loses, 'record')}`;
    case 'more_partitions':
      return `${act.topic} gets one more partition`;
    case 'target':
      return `${targetSentence(act.weather)} for ${seconds(act.ms)}`;
    case 'pause':
      return `an operator pauses ${act.part === 'partition' ? `partition ${act.partition}` : `the ${act.part}`}, or ends the pause`;
    case 'decide':
      return 'an operator lets halted partitions go on';
    case 'job':
      return act.job === 'cancel'
        ? 'an operator cancels the last job'
        : `an operator asks for the job ${act.job}`;
    case 'vandal':
      return `somebody ${act.what === 'row_gone' ? 'deletes' : 'alters'} the row of ${orderIdOf(act.order)}`;
  }
}

function recordSentence(spec: RecordSpec): string {
  const { order, status, minute, revision, eventId, note, isSpacedOut, isKeyless, stray } = spec;
  const details = [
    `minute ${minute}`,
    revision === undefined ? '' : `revision ${revision}`,
    eventId === undefined ? '' : `id ${eventId}`,
    note === undefined ? '' : `note ${note}`,
    isSpacedOut === true ? 'with spaces' : '',
    isKeyless === true ? 'without a key' : '',
    stray === undefined ? '' : `in partition ${stray} of ${topicOf(spec)}`,
  ].filter((part) => part !== '');
  return `"${status}" of ${orderIdOf(order)} (${details.join(', ')})`;
}

function storeSentence({ slowMs, refuses, code, losesCommits, breaksOff, only }: StoreWeather): string {
  const parts = [
    slowMs > 0 ? `answers take up to ${slowMs} ms longer` : '',
    refuses > 0 ? `${percent(refuses)} of the statements are refused with ${code}` : '',
    losesCommits > 0 ? `${percent(losesCommits)} of the COMMITs are not answered` : '',
    breaksOff > 0 ? `${percent(breaksOff)} of the statements break off` : '',
  ].filter((part) => part !== '');
  const whose = only === '' ? '' : ` (only statements that begin with "${only}")`;
  return `${parts.join(', ') || 'nothing is wrong'}${whose}`;
}

function targetSentence({ trouble, chance, orders }: TargetWeather): string {
  const whom = orders.length === 0 ? 'all orders' : orders.map(orderIdOf).join(', ');
  return `the target ${trouble.replace('_', ' ')}, at ${percent(chance)} of the requests for ${whom},`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(3)} s`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
