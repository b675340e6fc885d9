import fc from 'fast-check';

/** One failure kills a mutant, so nobody needs the smallest example of it. Every mutant meets the same values. */
fc.configureGlobal({ endOnFailure: true, seed: 20_260_101 });
