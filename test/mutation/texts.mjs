/**
 * A plugin of Stryker that leaves out the texts of errors and log lines, which are prose for people and no behaviour: a
 * literal that has a space in it, among the arguments of `new ...Error()`, or of a
 * logger. Codes and names have no spaces, so they stay.
 */
const LOGGERS = /^#?(logger|log|warn|info|error|debug)$/;
const REASON = 'the text of an error or of a log line';

export const strykerPlugins = [
  { kind: 'Ignore', name: 'texts', value: { shouldIgnore: (path) => (isText(path) ? REASON : undefined) } },
];

function isText(path) {
  if (!isProse(path.node)) return false;
  let child = path;
  // The text may be put together of several literals.
  while (child.parentPath?.isBinaryExpression({ operator: '+' })) child = child.parentPath;
  const call = child.parentPath?.node;
  if (child.listKey !== 'arguments' || call === undefined) return false;
  const name = nameOf(call.callee);
  return call.type === 'NewExpression' ? /Error$/.test(name) : LOGGERS.test(name);
}

function isProse(node) {
  if (node.type === 'StringLiteral') return node.value.includes(' ');
  return node.type === 'TemplateLiteral' && node.quasis.some(({ value }) => value.raw.includes(' '));
}

function nameOf(callee) {
  if (callee.type === 'Identifier') return callee.name;
  const property = callee.type.endsWith('MemberExpression') ? callee.property : undefined;
  return property?.type === 'PrivateName' ? property.id.name : (property?.name ?? '');
}
