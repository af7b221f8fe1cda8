/** What happens in the tour, as data: each chapter a mix of load, how long it lasts and the line that announces it. */
import type { Background, HotPart, LoadMix } from './mix.ts';

export interface Chapter {
  readonly title: string;
  readonly mix: readonly LoadMix[];
  readonly lasts: 'quiet' | 'hot';
}

export const BACKGROUND: Background = {
  kind: 'background',
  keys: 50_000,
  // Flatter than web traffic: with three masters a steeper one would itself be a hotspot.
  exponent: 0.7,
  readRatio: 0.8,
  valueBytes: 128,
  prefix: 'item:',
};

const PRODUCT: HotPart = { kind: 'read', key: 'product:99', share: 0.5, listLength: 3_000 };
const LIKES: HotPart = { kind: 'increment', key: 'post:99:likes', share: 0.5 };
const CELEBRITY: HotPart = { kind: 'read', key: 'user:beyonce', share: 0.6, listLength: 6_000 };

export const STORY: readonly Chapter[] = [
  { title: 'a balanced load on all three masters', mix: [BACKGROUND], lasts: 'quiet' },
  { title: 'product:99 goes viral: half of all calls read it', mix: [BACKGROUND, PRODUCT], lasts: 'hot' },
  { title: 'product:99 is forgotten; the load is balanced again', mix: [BACKGROUND], lasts: 'quiet' },
  {
    title: 'everyone likes post 99: half of all calls increment post:99:likes',
    mix: [BACKGROUND, LIKES],
    lasts: 'hot',
  },
  { title: 'the likes stop; the load is balanced again', mix: [BACKGROUND], lasts: 'quiet' },
  { title: 'user:beyonce is a celebrity: 60 % of all calls read it', mix: [BACKGROUND, CELEBRITY], lasts: 'hot' },
];
