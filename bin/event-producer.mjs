#!/usr/bin/env node
import { startProgram } from './program.mjs';

await startProgram('event-producer');
