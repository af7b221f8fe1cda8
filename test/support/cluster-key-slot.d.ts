/** cluster-key-slot ships no types. */
declare module 'cluster-key-slot' {
  /** CRC16 of the key, or of its hash tag, modulo 16,384. */
  function calculateSlot(key: string | Buffer): number;
  export = calculateSlot;
}
