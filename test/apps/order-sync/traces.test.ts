import { tellTraceStory } from './trace-story.ts';

tellTraceStory('the embedded log and SQLite', 'tributary', async () => ({}));
