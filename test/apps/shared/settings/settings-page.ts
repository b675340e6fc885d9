import type { SettingTable } from '../../../../src/apps/shared/settings/kinds.ts';
import { COMMON_SETTINGS, PROGRAM_SETTINGS } from '../../../../src/apps/shared/settings/known/index.ts';

const INTRODUCTION = `# Settings

This page is made from the tables in \`src/apps/shared/settings/known\`; a test refuses it when the two differ.
After a change there: \`npm run test:unit -- test/apps/shared/settings/settings-page.test.ts -u\`.

- A flag wins over an environment variable, a variable over the settings file, the file over the default. An empty
  variable counts as not set.
- The settings file is one JSON object whose names are the variables:
  \`{"KAFKA_BROKERS": ["kafka-1:9092", "kafka-2:9092"], "ORDER_SYNC_LANES": 8}\`. \`TRIBUTARY_CONFIG\` or \`--config\`
  names it.
- A secret, or a URL that may hold one, can also be given by a file: \`ORDER_MGT_SECRET_FILE=/run/secrets/order-mgt\`.
  Secrets have no flag, because every user of a machine can read its command lines. The file is read at the start, so restart the
  program after a change. A byte order mark and the line ends at the end do not count.
- Durations are milliseconds; \`15s\`, \`2m\` and \`1h\` are understood too.
- The programs share one environment, so each of them accepts the settings of the others. A start refuses an unknown name
  with one of our prefixes (\`ORDER_SYNC_\`, \`ORDER_MGT_\`, \`EVENT_PRODUCER_\`, \`TRIBUTARY_\`, \`KAFKA_\`, \`ORDER_SOURCE\`,
  \`PAYMENT_SOURCE\`, \`DATABASE_TLS\`, \`DATABASE_SSL\`), and an invalid value. The message has the name, the value (secrets masked) and the remedy; the exit code is 3.
- Two kinds of unknown names are passed over: variables that Kubernetes adds for a service (\`ORDER_SYNC_SERVICE_HOST\`,
  \`ORDER_SYNC_PORT=tcp://...\`), and variables of Kafka's own scripts (\`KAFKA_HEAP_OPTS\` and others).
- \`config show\` prints the value of each setting and its source.
`;

/** The text that docs/settings.md has to have. */
export function settingsPage(): string {
  const sections = [
    section('Every program', COMMON_SETTINGS),
    ...Object.entries(PROGRAM_SETTINGS).map(([program, table]) => section(program, table)),
  ];
  return `${[INTRODUCTION, ...sections].join('\n')}`;
}

function section(title: string, table: SettingTable): string {
  const rows = Object.values(table).map((setting) => {
    const names = [setting.env, setting.alsoEnv, setting.fromFile ? `${setting.env}_FILE` : undefined];
    const cells = [
      names
        .filter((name) => name !== undefined)
        .map((name) => `\`${name}\``)
        .join(', '),
      setting.flag === null ? '' : `\`--${setting.flag}\``,
      setting.kind,
      setting.fallbackText,
      setting.help,
    ];
    return cells.map((cell) => cell.replaceAll('|', '\\|'));
  });
  return `## ${title}\n\n${alignedTable(HEADINGS, rows)}\n`;
}

const HEADINGS = ['Variable', 'Flag', 'Type', 'Default', 'What it does'];

/** A table with its columns aligned, as the formatter of this repository writes it. */
function alignedTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(headings), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
