import Foundation

/// What a compressed file holds, decompressed by an installed program beside us. To read backwards begins it anew.
final class DecompressedFile: ByteSource, @unchecked Sendable {
    let name: String
    private let file: OpenFile
    private let compression: Compression
    // Everything below is touched only under the lock.
    private let lock = NSLock()
    private var program: Compression.Decompressor?
    /// Whether the faster program has failed.
    private var isThorough = false
    private var position: Int64 = 0
    private var end: Int64?
    private var problem: String?

    init(_ file: OpenFile, _ compression: Compression) {
        name = file.name
        self.file = file
        self.compression = compression
    }

    var size: Int64? { nil }
    var damage: String? { lock.withLock { problem } }

    func read(into buffer: UnsafeMutableRawBufferPointer, at start: Int64) throws(ExtractError) -> Int {
        lock.lock()
        defer { lock.unlock() }
        if let end, start >= end { return 0 }
        if program == nil || start < position { try begin() }
        try skip(to: start)
        var total = 0
        while total < buffer.count, position == start + Int64(total) {
            let count = try next(UnsafeMutableRawBufferPointer(rebasing: buffer[total...]))
            if count == 0 { break }
            total += count
        }
        return total
    }

    private func begin() throws(ExtractError) {
        program = nil
        lseek(file.descriptor, 0, SEEK_SET)
        program = try compression.decompress(file.descriptor, of: name, isThorough: isThorough)
        position = 0
    }

    private func skip(to start: Int64) throws(ExtractError) {
        guard position < start else { return }
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { scratch.deallocate() }
        while position < start {
            let wanted = min(scratch.count, Int(start - position))
            if try next(UnsafeMutableRawBufferPointer(rebasing: scratch[..<wanted])) == 0 { return }
        }
    }

    /// The next bytes, at least one; none at the end, be it sound or not.
    private func next(_ buffer: UnsafeMutableRawBufferPointer) throws(ExtractError) -> Int {
        guard let program, end == nil || position < end! else { return 0 }
        let count = try program.child.read(into: buffer)
        position += Int64(count)
        return count > 0 ? count : try finish(program, buffer)
    }

    /// Learns how the program ended. Where a faster one failed, the other reads on, and may come further.
    private func finish(
        _ program: Compression.Decompressor, _ buffer: UnsafeMutableRawBufferPointer
    ) throws(ExtractError) -> Int {
        var ending = program.child.end()
        if program.isFaster, ending.code != 0 {
            isThorough = true
            let reached = position
            try begin()
            try skip(to: reached)
            return try next(buffer)
        }
        if program.isFaster, try !tellsItsSize() {
            // There are several members, or something behind the last, which the faster program passes in silence.
            lseek(file.descriptor, 0, SEEK_SET)
            ending = try compression.test(file.descriptor, of: name)
        }
        end = position
        if ending.code != 0 {
            problem = "\(compression.rawValue) says after \(position) bytes: \(ending.errors.firstLine)"
        }
        return 0
    }

    /// Whether the file ends with the size of what was read, as one member of gzip does (RFC 1952, section 2.3.1).
    private func tellsItsSize() throws(ExtractError) -> Bool {
        guard let size = file.size, size >= 4 else { return false }
        let told = try file.bytes(size - 4..<size).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return told == UInt32(truncatingIfNeeded: position)
    }
}

extension String {
    fileprivate var firstLine: String {
        split(whereSeparator: \.isNewline).first.map(String.init) ?? "nothing, and fails"
    }
}
