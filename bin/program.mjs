// Starts one of the programs by its name. A checkout runs the TypeScript sources, and a package the JavaScript that was
// made of them. Like launch.mjs, this file runs on the machine's own Node, so that an old one gets a message it can read.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const NODE_MAJOR = 24;

export async function startProgram(name) {
  if (existsSync(join(root, 'src'))) {
    process.argv.splice(2, 0, `src/apps/${name}/main.ts`);
    await import('./launch.mjs');
    return;
  }
  const node = nodeForPackage();
  if (node === null) {
    process.stderr.write(
      `Tributary needs Node ${NODE_MAJOR} or newer, and this is ${process.versions.node}. Install it, or give it to this ` +
        `project alone: npm i node@${NODE_MAJOR}\n`,
    );
    process.exit(1);
  }
  const { runChild } = await import('./child.mjs');
  runChild(node, [join(root, 'dist', 'apps', name, 'main.js'), ...process.argv.slice(2)], process.env, true);
}

/** The Node that runs this file if it is new enough, else that of the npm package `node` in the project. Null without either. */
function nodeForPackage() {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) return process.execPath;
  try {
    const manifest = createRequire(join(process.cwd(), 'package.json')).resolve('node/package.json');
    const { version, bin } = JSON.parse(readFileSync(manifest, 'utf8'));
    const executable = join(dirname(manifest), bin.node);
    return Number(version.split('.')[0]) >= NODE_MAJOR && existsSync(executable) ? executable : null;
  } catch {
    return null;
  }
}
