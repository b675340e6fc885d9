import { describe, expect, it } from 'vitest';
import { targetWords } from '../../../src/pipeline/deliver/target-words.ts';

describe('the words of a target', () => {
  it.each([
    ['{"detail":"a","message":"b","title":"c"}', 'a'],
    ['{"message":"b","error_description":"c"}', 'b'],
    ['{"error_description":"c","error":"d"}', 'c'],
    ['{"error":"d","reason":"e"}', 'd'],
    ['{"reason":"e","title":"f"}', 'e'],
    ['{"detail":"  ","title":"f"}', 'f'],
    ['{"detail":null,"title":"f"}', 'f'],
    ['{"detail":7,"title":"f"}', 'f'],
    ['{"error":{"message":" "},"title":"f"}', 'f'],
    ['{"error":{"message":7},"title":"f"}', 'f'],
    ['{"error":{},"title":"f"}', 'f'],
    ['{"error":{"message":"deep"},"title":"f"}', 'deep'],
    ['{"detail":"  a\\n\\n b "}', 'a b'],
    ['  {"detail":"a"}\n', 'a'],
  ])('words come from the first member of a problem that holds some: %s', (answer, words) => {
    expect(targetWords(answer)).toBe(words);
  });

  it.each([
    ['\n <HTML><TITLE lang="en">Not here</TITLE>', 'Not here'],
    ['<title></title>', null],
    ['<p>No title.</p>', null],
    ['  ', null],
    ['[1]', '[1]'],
    ['a < b', 'a < b'],
  ])('words come from the title of a page, or from the whole text: %j', (answer, words) => {
    expect(targetWords(answer)).toBe(words);
  });

  it.each([
    ['Bearer a.b~c+d/e=f-g no', 'Bearer ******** no'],
    ['a basic dXNlcjpwdw== no', 'a basic ******** no'],
    ['forbearer abc', 'forbearer abc'],
    ['bearer: abc', 'bearer: abc'],
    ['authorization: Bearer abc, no', 'authorization: Bearer ********, no'],
    ['authorization=basic abc; no', 'authorization=basic ********; no'],
    ['SECRET = abc no', 'SECRET = ******** no'],
    ['password:abc&next=1', 'password:********&next=1'],
    ['passwd=abc;no', 'passwd=********;no'],
    ["token='abc' no", "token='********' no"],
    ['credential: "abc"}', 'credential: "********"}'],
    ['x={credential:abc}', 'x={credential:********}'],
    ["apikey=abc'no", "apikey=********'no"],
    ['api-key=abc', 'api-key=********'],
    ["'api_key' : abc", "'api_key' : ********"],
    ['token abc', 'token abc'],
  ])('words hold no secrets: %s', (answer, words) => {
    expect(targetWords(answer)).toBe(words);
  });

  it('words go to 200 characters at most', () => {
    expect(targetWords('x'.repeat(200))).toBe('x'.repeat(200));
    expect(targetWords('x'.repeat(201))).toBe(`${'x'.repeat(200)}…`);
  });
});
