/// What follows the bytes that a parser is given.
package enum Continuation: Sendable {
    /// More bytes of the object: an unfinished record stays where it is.
    case more
    /// The end so far of an object that may still grow: an unfinished record waits, unless it is surely whole.
    case open
    /// The end for good: what is there is a record.
    case closed
    /// More than a record may have: no more bytes will be given for the record that begins here.
    case overlong
}

/// Turns the bytes of an object into events and rejects, record by record. Belongs to one thread at a time.
package protocol RecordParser: AnyObject {
    /// What a record ends with.
    var recordEnd: [UInt8] { get }

    /// Looks for the end of a record that is longer than it may be; by default it is behind the next `recordEnd`.
    ///
    /// - Parameters:
    ///   - bytes: of the record, behind those that were passed before.
    ///   - isFirst: they begin with the record.
    /// - Returns: how many of them are passed, and whether the record ends there.
    func passOverlong(
        _ bytes: UnsafeBufferPointer<UInt8>, isFirst: Bool
    ) -> (count: Int, isEnd: Bool)

    /// Prepares a batch that was reset; ids derived from positions begin with the object's identity.
    func begin(_ batch: inout EventBatch, objectIdentity: String)

    /// Parses whole records into the batch until it is full or no whole record is left.
    ///
    /// - Parameter bytes: the object's bytes from `batch.range.end`, which moves with each record.
    /// - Returns: the number of bytes parsed.
    func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, then continuation: Continuation, into batch: inout EventBatch
    ) -> Int
}

extension RecordParser {
    package var recordEnd: [UInt8] { [0x0A] }

    package func passOverlong(
        _ bytes: UnsafeBufferPointer<UInt8>, isFirst _: Bool
    ) -> (count: Int, isEnd: Bool) {
        let end = recordEnd
        if let found = bytes.first(of: end) { return (found + end.count, true) }
        // Half of the end may be there already.
        return (max(0, bytes.count - (end.count - 1)), false)
    }
}

/// The byte order mark of UTF-8, which may stand at the start of a file and means nothing.
package let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
