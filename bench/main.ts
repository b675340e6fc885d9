/** `npm run bench -- <name>` runs one of the benches in this folder. */
import { type CheckCommand, runCommand } from '../test/checks/lib/command.ts';

const BENCHES: Readonly<Record<string, () => Promise<{ readonly bench: CheckCommand }>>> = {
  ask: () => import('./ask.ts'),
  console: () => import('./console.ts'),
  delivery: () => import('./delivery.ts'),
  start: () => import('./start.ts'),
};

const [name = ''] = process.argv.splice(2, 1);
const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (load === undefined) {
  const names = Object.keys(BENCHES).map((each) => `  npm run bench -- ${each}`);
  process.stderr.write(`Name a bench:\n${names.join('\n')}\n`);
  process.exit(2);
}
await runCommand((await load()).bench);
