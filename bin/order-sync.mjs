#!/usr/bin/env node
process.argv.splice(2, 0, 'src/apps/order-sync/main.ts');
await import('./launch.mjs');
