import { CONFLUENT } from './confluent.ts';
import { DEBEZIUM } from './debezium.ts';
import { DOTNET } from './dotnet.ts';
import { GOLANG } from './golang.ts';
import { KCAT } from './kcat.ts';
import type { Variant } from './variant.ts';

/** All ways of publishing, in the sequence in which they are tried. */
export const VARIANTS: readonly Variant[] = [...DEBEZIUM, ...CONFLUENT, ...KCAT, ...GOLANG, ...DOTNET];
