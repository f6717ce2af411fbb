/// What the ledger knows of an object (a file): how far it was read, and how to tell that it is still the same.
package struct KnownObject: Sendable, Equatable {
    /// A stretch that was not read though what follows it was: its batch was under way when a run was killed.
    package struct Hole: Sendable, Equatable {
        package let start: Int64
        package let end: Int64
        /// The physical line at `start`.
        package let line: Int64

        package init(start: Int64, end: Int64, line: Int64) {
            self.start = start
            self.end = end
            self.line = line
        }
    }

    /// The name it had when it was read last.
    package let object: String
    /// Its fingerprint, with an ordinal where another object has that already.
    package let identity: String
    /// Behind what was read: a byte offset, and the physical line that stands there.
    package let endPosition: Int64
    package let endLine: Int64
    /// Hash of the last KiB before `endPosition`.
    package let tailHash: String
    /// In order.
    package let holes: [Hole]

    package init(
        object: String, identity: String, endPosition: Int64, endLine: Int64, tailHash: String,
        holes: [Hole] = []
    ) {
        self.object = object
        self.identity = identity
        self.endPosition = endPosition
        self.endLine = endLine
        self.tailHash = tailHash
        self.holes = holes
    }
}

/// A file as it was when it was read last: one that is still so holds nothing new, and need not be opened.
package struct SeenFile: Sendable, Equatable {
    /// Its name.
    package let object: String
    /// Device and inode.
    package let node: String
    /// In bytes, as it lay on the disk.
    package let size: Int64
    /// In nanoseconds since 1970; 0 where it had changed so shortly before that the time would not tell the next change.
    package let modifiedNanoseconds: Int64
    /// The object that it is.
    package let identity: String
    /// Why its end could not be read; nil where it could.
    package let damage: String?

    package init(
        object: String, node: String, size: Int64, modifiedNanoseconds: Int64, identity: String,
        damage: String?
    ) {
        self.object = object
        self.node = node
        self.size = size
        self.modifiedNanoseconds = modifiedNanoseconds
        self.identity = identity
        self.damage = damage
    }
}
