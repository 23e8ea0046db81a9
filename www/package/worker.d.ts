/** A script for workers; it exports nothing. */
export {};
