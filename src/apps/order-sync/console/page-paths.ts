/** The paths of the console's pages. One document answers all of them, and shows the page of its address. */
export const PAGE_PATHS = [
  '/',
  '/orders',
  '/orders/:id',
  '/pipeline',
  '/deliveries',
  '/quarantine',
  '/quarantine/:topic/:partition/:offset',
  '/jobs',
  '/jobs/:id',
  '/audit',
  '/try',
  '/settings',
] as const;

/** The path of the files that the pages load. */
export const ASSET_PATH = '/assets/*';

/** The routes of the console in the form of `GET /livez`. They hold no data, so they need no key. */
export const CONSOLE_ROUTES: readonly string[] = [...PAGE_PATHS, ASSET_PATH].map((path) => `GET ${path}`);
