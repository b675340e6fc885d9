/** The most entities of a sample that an operator may ask for. */
export const SAMPLE_MAX = 100_000;
/** The most entities a second that an operator may ask for. */
export const RATE_MAX = 1_000_000;
/** Entities a second. It leaves ingest and deliveries most of a small machine. */
export const DEFAULT_RATE = 2_000;
