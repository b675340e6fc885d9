import fc from 'fast-check';

/** One failure kills a mutant, so nobody needs the smallest example of it. */
fc.configureGlobal({ endOnFailure: true });
