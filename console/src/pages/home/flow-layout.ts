import type { Flow, FlowEdge, FlowNode } from './flow-model.ts';

export interface PlacedNode extends FlowNode {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedEdge extends FlowEdge {
  readonly path: string;
  readonly labelX: number;
  readonly labelY: number;
  readonly anchor: 'start' | 'middle' | 'end';
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
}

const BOX = 64;
const GAP = 20;
const [JOURNAL_LEAST, JOURNAL_MOST] = [80, 120];

/** From left to right, for wide screens: topics, journal with the quarantine below it, targets with the dead letters. */
export function wideLayout(flow: Flow): Layout {
  const [width, side, middle] = [960, 220, 240];
  const topics = flow.nodes.filter(({ kind }) => kind === 'topic');
  const targets = flow.nodes.filter(({ kind }) => kind === 'target');
  const rows = Math.max(topics.length, targets.length, 1);
  const upper = Math.max(JOURNAL_LEAST, rows * (BOX + GAP) - GAP);
  const lowerY = upper + 56;
  const column = (nodes: readonly FlowNode[], x: number) => {
    const own = nodes.length * (BOX + GAP) - GAP;
    return nodes.map((node, index) => ({
      ...node,
      x,
      y: (upper - own) / 2 + index * (BOX + GAP),
      width: side,
      height: BOX,
    }));
  };
  const centre = (width - middle) / 2;
  const tall = Math.min(upper, JOURNAL_MOST);
  const nodes: PlacedNode[] = [
    ...column(topics, 0),
    ...column(targets, width - side),
    ...flow.nodes.flatMap((node) => {
      if (node.kind === 'journal')
        return [{ ...node, x: centre, y: (upper - tall) / 2, width: middle, height: tall }];
      if (node.kind === 'quarantine')
        return [{ ...node, x: centre, y: lowerY, width: middle, height: BOX - 12 }];
      if (node.kind === 'dead')
        return [{ ...node, x: width - side, y: lowerY, width: side, height: BOX - 12 }];
      return [];
    }),
  ];
  return { width, height: lowerY + BOX - 10, nodes, edges: edgesOf(flow, nodes, 'wide') };
}

/** From top to bottom, for narrow screens; the quarantine and the dead letters stand on the left of the targets. */
export function narrowLayout(flow: Flow): Layout {
  const [width, half] = [350, 166];
  const topics = flow.nodes.filter(({ kind }) => kind === 'topic');
  const targets = flow.nodes.filter(({ kind }) => kind === 'target');
  const journalY = Math.ceil(topics.length / 2) * (BOX + GAP) + 26;
  const belowY = journalY + BOX + 54;
  const at = (index: number) => belowY + index * (BOX + GAP + 14);
  const nodes: PlacedNode[] = [
    ...topics.map((node, index) => ({
      ...node,
      x: index % 2 === 0 ? 0 : width - half,
      y: Math.floor(index / 2) * (BOX + GAP),
      width: half,
      height: BOX,
    })),
    ...targets.map((node, index) => ({ ...node, x: width - half, y: at(index), width: half, height: BOX })),
    ...flow.nodes.flatMap((node) => {
      if (node.kind === 'journal') return [{ ...node, x: 0, y: journalY, width, height: BOX }];
      if (node.kind === 'quarantine') return [{ ...node, x: 0, y: at(0), width: half, height: BOX }];
      if (node.kind === 'dead') return [{ ...node, x: 0, y: at(1), width: half, height: BOX }];
      return [];
    }),
  ];
  const height = at(Math.max(2, targets.length)) - GAP;
  return { width, height, nodes, edges: edgesOf(flow, nodes, 'narrow') };
}

function edgesOf(flow: Flow, nodes: readonly PlacedNode[], form: 'wide' | 'narrow'): PlacedEdge[] {
  return flow.edges.flatMap((edge) => {
    const from = nodes.find(({ id }) => id === edge.from);
    const to = nodes.find(({ id }) => id === edge.to);
    if (from === undefined || to === undefined) return [];
    return [{ ...edge, ...lineOf(from, to, form) }];
  });
}

type Line = Pick<PlacedEdge, 'path' | 'labelX' | 'labelY' | 'anchor'>;

function lineOf(from: PlacedNode, to: PlacedNode, form: 'wide' | 'narrow'): Line {
  const middleOf = ({ y, height }: PlacedNode) => y + height / 2;
  if (form === 'wide' && to.y < from.y + from.height && from.x + from.width < to.x) {
    const [x1, y1, x2, y2] = [from.x + from.width, middleOf(from), to.x, middleOf(to)];
    // The label stands on the side of the box that has its own line.
    const own = from.kind === 'topic' ? y1 : y2;
    return {
      path: `M${x1} ${y1}C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2 - 8} ${y2}`,
      labelX: from.kind === 'topic' ? x1 + 10 : x2 - 14,
      // The line leaves the box upwards or downwards, and the label stands on the other side.
      labelY: y2 < y1 ? own + 19 : own - 8,
      anchor: from.kind === 'topic' ? 'start' : 'end',
    };
  }
  if (form === 'narrow' && from.kind === 'target') {
    const [x1, y1, x2, y2] = [from.x, middleOf(from), to.x + to.width, middleOf(to)];
    const half = (x1 + x2) / 2;
    return {
      path: `M${x1} ${y1}C${half} ${y1} ${half} ${y2} ${x2 + 8} ${y2}`,
      labelX: half,
      labelY: y1,
      anchor: 'middle',
    };
  }
  const x = Math.max(from.x, to.x) + Math.min(from.width, to.width) / 2;
  const [y1, y2] = [from.y + from.height, to.y];
  const [path, labelY] = [`M${x} ${y1}L${x} ${y2 - 8}`, (y1 + y2) / 2 + 4];
  // On a narrow screen the targets stand at the right edge.
  if (form === 'narrow' && to.kind === 'target') return { path, labelX: x - 8, labelY, anchor: 'end' };
  return { path, labelX: x + 8, labelY, anchor: 'start' };
}
