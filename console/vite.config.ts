import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Builds the console. The caller says where to: `build.outDir`. */
export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  publicDir: false,
  plugins: [react()],
  build: {
    target: 'es2022',
    sourcemap: false,
    // The policy of the page takes only files: no data: address, and no polyfill for browsers that are older than the target.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:3000', '/openapi.json': 'http://127.0.0.1:3000' } },
});
