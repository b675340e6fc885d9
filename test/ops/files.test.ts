import { describe, expect, it } from 'vitest';
import { ORDER_MGT_METRICS } from '../../src/apps/order-mgt/metrics.ts';
import { ORDER_SYNC_METRICS } from '../../src/apps/order-sync/metrics.ts';
import { METRIC_PREFIX } from '../../src/apps/shared/http/metrics.ts';
import { alertQueries, alertRules, dashboard, dashboardQueries, metricsIn } from './queries.ts';

const DEFINITIONS = new Map(
  [...ORDER_SYNC_METRICS, ...ORDER_MGT_METRICS].map(({ name, type, labels }) => [
    METRIC_PREFIX + name,
    { type, labels },
  ]),
);
const QUERIES = [...dashboardQueries(), ...alertQueries()];
/** Labels that Prometheus adds to every series. */
const ADDED = ['instance', 'job', 'le'];

describe('dashboard and alerts', () => {
  it.each(QUERIES)('$place asks only for metrics that exist: $expr', ({ expr }) => {
    for (const name of metricsIn(expr).filter((each) => each.startsWith(METRIC_PREFIX))) {
      const family = name.replace(/_bucket$/, '');
      expect([...DEFINITIONS.keys()]).toContain(family);
      if (name.endsWith('_bucket')) expect(DEFINITIONS.get(family)?.type).toBe('histogram');
    }
    expect(metricsIn(expr).length).toBeGreaterThan(0);
  });

  it.each(QUERIES)('$place uses only labels that its metrics have: $expr', ({ expr, labels }) => {
    const used = new Set([
      ...labels,
      ...[...expr.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label = '']) => label),
      ...[...expr.matchAll(/by \(([^)]+)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/)),
    ]);
    const known = new Set([
      ...ADDED,
      ...metricsIn(expr).flatMap((name) => DEFINITIONS.get(name.replace(/_bucket$/, ''))?.labels ?? []),
    ]);
    expect([...used].filter((label) => !known.has(label))).toEqual([]);
  });

  it.each(QUERIES)('$place takes the rate of counters alone: $expr', ({ expr }) => {
    for (const [, name = ''] of expr.matchAll(/(?:rate|increase)\((\w+)/g))
      expect(name).toMatch(/_total$|_bucket$/);
  });

  it('every rule has a severity, a summary and a description that says what to do', () => {
    for (const { alert, labels, annotations } of alertRules()) {
      expect(alert).toMatch(/^Tributary[A-Z]\w+$/);
      expect(['page', 'ticket']).toContain(labels.severity);
      expect(annotations.summary, alert).toMatch(/\.$/);
      expect(annotations.description, alert).toMatch(/\.$/);
    }
  });

  it('panels have a description, and do not overlap', () => {
    const { panels, templating, schemaVersion } = dashboard();
    expect(templating.list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['instance', 'query'],
    ]);
    expect(schemaVersion).toBeGreaterThanOrEqual(39);
    const taken = new Set<string>();
    for (const { title, type, description, gridPos } of panels) {
      if (type !== 'row') expect(description, title).toMatch(/\.$/);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        expect(x).toBeLessThan(24);
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x} ${y}`), title).toBe(false);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });
});
