/** A row that somebody altered, and a fold that had a mistake: what differs, and what a repair or a rebuild changes. */
import { Sql } from '../../verify/alterations.ts';
import { type Stage, TARGET } from '../stage.ts';
import { jobByApi } from './refusals.ts';
import { attentionKinds, type Status } from './status.ts';

export const REPAIRED_BECAUSE = 'somebody corrected the row by hand';
export const REBUILT_BECAUSE = 'declined reviews were taken for accepted ones';

interface Verified {
  readonly read: number;
  readonly differences: number;
  readonly remaining: number;
  readonly shown: readonly {
    readonly orderId: string;
    readonly kind: string;
    readonly columns?: Readonly<Record<string, { stored: unknown; expected: unknown }>>;
  }[];
}

export async function playView(stage: Stage): Promise<void> {
  await alteredRow(stage);
  await fixedFold(stage);
}

async function alteredRow(stage: Stage): Promise<void> {
  const { desk, place } = stage;
  const sql = new Sql(place.databaseUrl);
  const whileAltered = (ask: () => Promise<void>) =>
    stage.whileComparisonRests(async () => {
      await sql.run("UPDATE orders SET payment_status = 'PAID' WHERE order_id = 'calm'");
      await ask();
    });
  try {
    await whileAltered(() =>
      desk.ask({
        what: 'does the row of the order fit its events?',
        command: ['explain', 'calm'],
        path: '/orders/calm/explain',
        pick: ({ rowDiffersFromJournal }: { rowDiffersFromJournal: boolean }) => rowDiffersFromJournal,
        expected: true,
      }),
    );
    await whileAltered(async () => {
      const found = await verify(stage, '--target', TARGET);
      desk.know('is the view still right? (command)', differencesOf(found), [
        {
          orderId: 'calm',
          kind: 'row_altered',
          payment_status: { stored: 'PAID', expected: 'PAYMENT_AUTHORIZED' },
        },
        { orderId: 'calm', kind: 'target_different' },
      ]);
    });
    await whileAltered(async () => {
      const byApi = await jobByApi(stage, '/verifications', { all: true });
      desk.know('is the view still right? (API)', byApi.progress.differences, 1);
    });
    await whileAltered(async () => {
      const repaired = await verify(stage, '--repair', '--reason', REPAIRED_BECAUSE, '--by', 'ben');
      desk.know('was it repaired?', [repaired.differences, repaired.remaining], [1, 0]);
    });
  } finally {
    await sql.close();
  }
  const after = await verify(stage, '--target', TARGET);
  desk.know('is the view right now?', differencesOf(after), []);
  await desk.ask({
    what: 'what does the row hold now?',
    command: ['orders', '--status', 'PAYMENT_AUTHORIZED', '--limit', '1'],
    path: '/orders?status=PAYMENT_AUTHORIZED&limit=1',
    pick: (rows: readonly { orderId: string }[]) => rows.map(({ orderId }) => orderId),
    expected: ['calm'],
  });
}

/** Verifies all orders. The exit code is 5 if a difference remains. */
async function verify({ desk }: Stage, ...more: string[]): Promise<Verified> {
  const { answer, code } = await desk.runCommand(['verify', '--all', ...more]);
  const verified = answer as Verified;
  desk.know(`does the exit code say so? (verify ${more[0]})`, code, verified.remaining > 0 ? 5 : 0);
  return verified;
}

function differencesOf({ shown }: Verified): object[] {
  return shown.map(({ orderId, kind, columns }) => ({ orderId, kind, ...columns }));
}

interface Rebuilds {
  readonly foldVersion: number;
  readonly rebuild: { readonly report: RebuildReport | null } | null;
}

interface RebuildReport {
  readonly rows: { readonly different: number };
  readonly differentByColumn: Readonly<Record<string, number>>;
  readonly samples: readonly { readonly id: string }[];
}

const DIFFERENT = {
  different: 1,
  differentByColumn: { payment_status: 1, review_status: 1, ready_to_send: 1 },
  ids: ['declined'],
};

function reportOf({ rows, differentByColumn, samples }: RebuildReport): object {
  return { different: rows.different, differentByColumn, ids: samples.map(({ id }) => id) };
}

async function fixedFold(stage: Stage): Promise<void> {
  const { desk } = stage;
  await stage.restart({ CHECK_FOLD: 'fixed' });
  await stage.readyz(200);
  await desk.ask({
    what: 'by which fold were the rows made?',
    command: ['rebuild', '--report'],
    path: '/rebuilds',
    pick: ({ foldVersion, rebuild }: Rebuilds) => ({ foldVersion, rebuild }),
    expected: { foldVersion: 1, rebuild: null },
  });
  const built = (await desk.decide([
    ...['rebuild', '--wait', '--reason', REBUILT_BECAUSE, '--by', 'ana'],
  ])) as { readonly progress: { readonly report: RebuildReport } };
  desk.know('what would the fixed fold change?', reportOf(built.progress.report), DIFFERENT);
  await desk.ask({
    what: 'what does the report of the rebuild say?',
    command: ['rebuild', '--report'],
    path: '/rebuilds',
    pick: ({ rebuild }: Rebuilds) => (rebuild?.report == null ? null : reportOf(rebuild.report)),
    expected: DIFFERENT,
  });
  await desk.ask({
    what: 'is the order still as the old fold made it?',
    command: ['orders', '--status', 'DECLINED'],
    path: '/orders?status=DECLINED',
    pick: (rows: readonly object[]) => rows.length,
    expected: 0,
  });
  const switched = await jobByApi(stage, '/rebuilds:switch', { reason: REBUILT_BECAUSE });
  desk.know('was it switched to?', switched.state, 'done');
  await stage.delivered();
  await desk.ask({
    what: 'why is the declined order not ready now?',
    command: ['explain', 'declined'],
    path: '/orders/declined/explain',
    pick: ({ explanation, ready }: { explanation: string; ready: boolean }) => [
      ready,
      explanation.startsWith('Not ready: its payment was declined since 2026-11-22T10:02:00Z;'),
    ],
    expected: [false, true],
  });
  const after = await verify(stage, '--target', TARGET);
  desk.know('is the view right by the fixed fold?', differencesOf(after), []);
  await stage.freshStatus();
  await desk.ask({
    what: 'is all well after the rebuild?',
    command: ['status'],
    path: '/status',
    pick: (status: Status) => [status.verdict, attentionKinds(status)],
    expected: ['ok', []],
  });
}
