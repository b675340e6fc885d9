/**
 * The id as it is shown: blanks at its ends, which are part of it, and characters without a picture have a sign. So no two ids
 * look alike that differ in these, and none looks empty.
 */
export function visibleId(id: string): string {
  const marked = id.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '␦');
  return marked.replace(/^\s+|\s+$/gu, (blanks) => '␣'.repeat(blanks.length));
}
