import { useId } from 'react';
import { Link } from 'wouter';
import { useIsNarrow } from '../../parts/use-is-narrow.ts';
import { narrowLayout, type PlacedNode, wideLayout } from './flow-layout.ts';
import { type Flow, type FlowState, flowInWords } from './flow-model.ts';

const STATE_WORDS: Readonly<Record<FlowState, string>> = {
  flows: '',
  slow: 'look',
  stuck: 'stuck',
  unknown: 'unknown',
};

/** The picture of the flow. Each box is a link to the page about it; the same follows below it in words. */
export function FlowPicture({ flow }: { readonly flow: Flow }) {
  const isNarrow = useIsNarrow();
  const { width, height, nodes, edges } = isNarrow ? narrowLayout(flow) : wideLayout(flow);
  const words = useId();
  const troubles = flow.nodes.flatMap(({ trouble, state }) => (trouble === null ? [] : [{ trouble, state }]));
  return (
    <figure className="flow">
      {/* biome-ignore lint/a11y/useSemanticElements: a picture with links in it is a group, and SVG has no fieldset */}
      <svg
        viewBox={`-2 -2 ${width + 4} ${height + 4}`}
        role="group"
        aria-label="The flow of events"
        aria-describedby={words}
      >
        <defs>
          {(['flows', 'slow', 'stuck', 'unknown'] as const).map((state) => (
            <marker
              key={state}
              id={`arrow-${state}`}
              viewBox="0 0 8 8"
              refX="2"
              refY="4"
              markerWidth="8"
              markerHeight="8"
              markerUnits="userSpaceOnUse"
              orient="auto"
            >
              <path d="M0 0L8 4L0 8z" className={`flow-arrow flow-${state}`} />
            </marker>
          ))}
        </defs>
        {edges.map(({ from, to, path, state, isFlowing, label, labelX, labelY, anchor }) => (
          <g key={`${from} ${to}`}>
            <path
              d={path}
              className={`flow-edge flow-${state}${isFlowing ? ' flow-moving' : ''}`}
              markerEnd={`url(#arrow-${state})`}
            />
            <text x={labelX} y={labelY} textAnchor={anchor} className="flow-label">
              {label}
            </text>
          </g>
        ))}
        {nodes.map((node) => (
          <Box key={node.id} node={node} />
        ))}
      </svg>
      <figcaption>
        {troubles.length === 0 ? (
          <p className="flow-fine">Nothing is stuck.</p>
        ) : (
          <ul className="flow-troubles">
            {troubles.map(({ trouble, state }) => (
              <li key={trouble} className={`flow-trouble-${state}`}>
                {trouble}
              </li>
            ))}
          </ul>
        )}
        <p id={words} className="visually-hidden">
          {flowInWords(flow)}
        </p>
      </figcaption>
    </figure>
  );
}

const LETTER_PX = 9;

function Box({ node }: { readonly node: PlacedNode }) {
  const { x, y, width, height, title, lines, href, state, kind } = node;
  const sign = STATE_WORDS[state];
  const room = Math.floor((width - 24) / LETTER_PX);
  const shown = title.length > room ? `${title.slice(0, Math.max(1, room - 1))}…` : title;
  const top = y + height / 2 - (lines.length * 18) / 2 + 6;
  return (
    <Link href={href} className={`flow-box flow-${state} flow-kind-${kind}`}>
      <rect x={x} y={y} width={width} height={height} rx="10" />
      <text x={x + 12} y={top} className="flow-title">
        {shown}
      </text>{' '}
      {sign === '' ? null : (
        <text
          x={x + width - 12}
          y={top + 19 + (lines.length - 1) * 17}
          textAnchor="end"
          className="flow-sign"
        >
          {sign}{' '}
        </text>
      )}
      {lines.map((line, index) => (
        <text key={line} x={x + 12} y={top + 19 + index * 17} className="flow-line">
          {line}{' '}
        </text>
      ))}
    </Link>
  );
}
