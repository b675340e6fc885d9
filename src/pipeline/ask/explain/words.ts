/** The characters that are shown of a target's answer, of an error or of a reason. */
export const ANSWER_CHARACTERS = 200;
/** The characters of an id that has the greatest length. */
export const ID_CHARACTERS = 255;

const DAY_CHARACTERS = 'YYYY-MM-DD'.length;
const SECOND_CHARACTERS = 'YYYY-MM-DDTHH:MM:SS'.length;

/** The moment in UTC, to the second: only its time if it is of today. */
export function momentWords(ms: number, nowMs: number): string {
  const [text, now] = [new Date(ms).toISOString(), new Date(nowMs).toISOString()];
  const moment = `${text.slice(0, SECOND_CHARACTERS)}Z`;
  const isToday = text.slice(0, DAY_CHARACTERS) === now.slice(0, DAY_CHARACTERS);
  return isToday ? moment.slice(DAY_CHARACTERS + 1) : moment;
}
