/// What the ledger knows of an object (a file): how far it was read, and how to tell that it is still the same.
package struct KnownObject: Sendable, Equatable {
    /// The name it had when it was read last.
    package let object: String
    /// Its fingerprint, with an ordinal where another object has that already.
    package let identity: String
    /// Behind what was read: a byte offset, and the physical line that stands there.
    package let endPosition: Int64
    package let endLine: Int64
    /// Hash of the last KiB before `endPosition`.
    package let tailHash: String

    package init(object: String, identity: String, endPosition: Int64, endLine: Int64, tailHash: String) {
        self.object = object
        self.identity = identity
        self.endPosition = endPosition
        self.endLine = endLine
        self.tailHash = tailHash
    }
}
