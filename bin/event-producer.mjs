#!/usr/bin/env node
process.argv.splice(2, 0, 'src/apps/event-producer/main.ts');
await import('./launch.mjs');
