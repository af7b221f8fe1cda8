/** `npm start`: sets up, then runs the agent (the tour when it has nothing else to watch). Arguments go to `run`. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, setUp } from './setup.mjs';

setUp((line) => console.error(line));
// In this very process, so that signals and the exit code need nobody to pass them on.
const main = path.join(ROOT, 'dist', 'src', 'main.js');
process.argv.splice(1, 1, main, 'run');
await import(pathToFileURL(main).href);
