import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export const OPS = join(import.meta.dirname, '..', '..', 'ops');
export const ALERTS_FILE = join(OPS, 'prometheus', 'alerts.yml');

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

export interface Dashboard {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
}

export function alertRules(): readonly AlertRule[] {
  const { groups } = parse(readFileSync(ALERTS_FILE, 'utf8')) as {
    groups: readonly { readonly rules: readonly AlertRule[] }[];
  };
  return groups.flatMap(({ rules }) => rules);
}

export function dashboard(): Dashboard {
  return JSON.parse(readFileSync(join(OPS, 'grafana', 'tributary.json'), 'utf8')) as Dashboard;
}

export interface Query {
  /** The panel or the rule that has it. */
  readonly place: string;
  readonly expr: string;
  /** The variables in the legend of a panel. */
  readonly labels: readonly string[];
}

/** Every query of the dashboard, with the values that Grafana would put in the place of its variables. */
export function dashboardQueries(): Query[] {
  return dashboard().panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({
      place: title,
      expr: expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m'),
      labels: labelsOf(legendFormat),
    })),
  );
}

export function alertQueries(): Query[] {
  return alertRules().map(({ alert, expr, annotations }) => ({
    place: alert,
    expr,
    labels: [
      ...Object.values(annotations)
        .join(' ')
        .matchAll(/\$labels\.(\w+)/g),
    ].map(([, label = '']) => label),
  }));
}

function labelsOf(legend: string): string[] {
  return [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
}

/** The names of the metrics in a query. */
export function metricsIn(expr: string): string[] {
  const withoutLabels = expr.replace(/\{[^}]*\}/g, '').replace(/"[^"]*"/g, '');
  return [...withoutLabels.matchAll(/\b((?:tributary|process|nodejs)_\w+|up)\b/g)].map(
    ([, name = '']) => name,
  );
}

/** The comparisons that make an alert fire are taken off, so that a query shows a series although nothing is wrong. */
export function withoutThreshold(expr: string): string {
  return expr.replace(/\s*(?:==|>)\s*\d+(?:\.\d+)?(?=\s|$)/g, '');
}
