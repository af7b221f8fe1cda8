/** The parts of README.md that are made from the code: the name of each between its markers, and what makes it. */
import { configReference } from '../config/reference.ts';
import { metricReference } from '../expose/catalogue.ts';
import { alignTables } from './align.ts';

export type Blocks = Readonly<Record<string, () => string>>;

export const README_BLOCKS: Blocks = {
  configuration: () => alignTables(configReference()),
  metrics: () => alignTables(metricReference()),
};
