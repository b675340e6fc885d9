#!/usr/bin/env node
process.argv.splice(2, 0, 'src/apps/order-mgt/main.ts');
await import('./launch.mjs');
