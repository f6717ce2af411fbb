import Foundation

/// What a compressed file holds, decompressed by an installed program beside us. To read backwards begins it anew.
final class DecompressedFile: ByteSource, @unchecked Sendable {
    let name: String
    private let file: OpenFile
    private let compression: Compression
    // Everything below is touched only under the lock.
    private let lock = NSLock()
    private var program: ChildProgram?
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
        program = try compression.decompress(file.descriptor, of: name)
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
        let count = try program.read(into: buffer)
        position += Int64(count)
        if count == 0 {
            end = position
            let ending = program.end()
            if ending.code != 0 {
                problem = "\(compression.rawValue) says after \(position) bytes: \(ending.errors.firstLine)"
            }
        }
        return count
    }
}

extension String {
    fileprivate var firstLine: String {
        split(whereSeparator: \.isNewline).first.map(String.init) ?? "nothing, and fails"
    }
}
