/**
 * A plugin of Stryker that leaves out the texts of errors and log lines, which are prose for people and no behaviour: a
 * literal that has a blank in it, among the arguments of `new ...Error()` or of a logger. Codes and names have no blanks,
 * so they stay.
 */
const LOGGERS = /^(logger|log|warn|info|error|debug)$/;
const REASON = 'the text of an error or of a log line';

/** The parts that we read of Babel's nodes and of their places in the tree. */
interface Node {
  readonly type: string;
  readonly value?: unknown;
  readonly name?: string;
  readonly operator?: string;
  readonly quasis?: readonly { readonly value: { readonly raw: string } }[];
  readonly callee?: Node;
  readonly property?: Node;
  readonly id?: Node;
}

interface Path {
  readonly node: Node;
  readonly listKey?: string;
  readonly parentPath: Path | null;
}

export const strykerPlugins = [
  {
    kind: 'Ignore',
    name: 'texts',
    value: { shouldIgnore: (path: Path) => (isTextOfMessage(path) ? REASON : undefined) },
  },
];

export function isTextOfMessage(path: Path): boolean {
  if (!isProse(path.node)) return false;
  let child = path;
  // The text may be put together of several literals.
  while (child.parentPath?.node.type === 'BinaryExpression' && child.parentPath.node.operator === '+')
    child = child.parentPath;
  const call = child.parentPath?.node;
  if (child.listKey !== 'arguments' || call === undefined) return false;
  const name = nameOf(call.callee);
  return call.type === 'NewExpression' ? /Error$/.test(name) : LOGGERS.test(name);
}

function isProse({ type, value, quasis = [] }: Node): boolean {
  if (type === 'StringLiteral') return String(value).includes(' ');
  return type === 'TemplateLiteral' && quasis.some(({ value: { raw } }) => raw.includes(' '));
}

function nameOf(callee: Node | undefined): string {
  if (callee?.type === 'Identifier') return callee.name ?? '';
  const property = callee?.property;
  return (property?.type === 'PrivateName' ? property.id?.name : property?.name) ?? '';
}
