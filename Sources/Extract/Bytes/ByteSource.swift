import Events

/// The bytes of a source as they are parsed: uncompressed, and in UTF-8. Read by position, mostly forwards.
///
/// Safe to share where its reads are: a batch that is loaded may look at its records once more while others are read.
package protocol ByteSource: AnyObject, Sendable {
    /// As a person knows it.
    var name: String { get }
    /// In bytes; nil where only reading tells.
    var size: Int64? { get }
    /// Why the end that was met is none: what could be read ends in the middle. Known once the end was met.
    var damage: String? { get }

    /// Reads into `buffer` from `position` on what there is, at least a byte; returns how many, 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(ExtractError) -> Int

    /// The source from `position` on, as far as it was read, for whoever looks back later.
    func kept(from position: Int64) -> any ByteSource
    /// Nobody who asks from now on will look back before `position`.
    func forget(before position: Int64)
}

extension ByteSource {
    package var damage: String? { nil }
    package func kept(from _: Int64) -> any ByteSource { self }
    package func forget(before _: Int64) {}

    /// The bytes at these positions, as far as there are any.
    func bytes(_ range: Range<Int64>) throws(ExtractError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        let outcome = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(ExtractError) in
                var total = 0
                while total < buffer.count {
                    let count = try read(
                        into: UnsafeMutableRawBufferPointer(rebasing: buffer[total...]),
                        at: range.lowerBound + Int64(total))
                    if count == 0 { break }
                    total += count
                }
                return total
            }
        }
        return Array(bytes[..<(try outcome.get())])
    }

    /// How many bytes there are; where that is not known, it takes reading them all.
    func length() throws(ExtractError) -> Int64 {
        if let size { return size }
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { scratch.deallocate() }
        var position: Int64 = 0
        while true {
            let count = try read(into: scratch, at: position)
            position += Int64(count)
            if count == 0 { return position }
        }
    }

    /// The hash of the KiB before `position`; nil where there are fewer bytes.
    func tailHash(before position: Int64) throws(ExtractError) -> String? {
        if let size, position > size { return nil }
        let start = max(0, position - Fingerprint.maxLength)
        let tail = try bytes(start..<position)
        return Int64(tail.count) == position - start ? SHA256.hex(tail, prefix: 16) : nil
    }
}
