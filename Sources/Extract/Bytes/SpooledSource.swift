import Foundation

/// A source that can be read once, kept for as long as somebody may want to look back: in temporary files without a name,
/// which go when nobody holds them any more.
final class SpooledSource: ByteSource, @unchecked Sendable {
    let name: String
    private let inner: any ByteSource
    // Everything below is touched only under the lock.
    private let lock = NSLock()
    private var chunks: [Chunk] = []
    private var produced: Int64 = 0

    private static let chunkBytes: Int64 = 32 << 20

    /// A stretch of the source in a file; once the next is begun, it does not change.
    private final class Chunk: Sendable {
        let start: Int64
        let descriptor: Int32

        init?(_ start: Int64) {
            self.start = start
            descriptor = namelessFile()
            guard descriptor >= 0 else { return nil }
        }

        deinit { if descriptor >= 0 { close(descriptor) } }
    }

    /// Some chunks of a source, for whoever looks back at a batch while the next is read.
    private final class Kept: ByteSource, @unchecked Sendable {
        let name: String
        private let chunks: [Chunk]

        init(_ name: String, _ chunks: [Chunk]) { (self.name, self.chunks) = (name, chunks) }

        var size: Int64? { nil }

        func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(ExtractError) -> Int
        {
            try SpooledSource.read(chunks, into: buffer, at: position, name)
        }
    }

    init(_ inner: any ByteSource) {
        name = inner.name
        self.inner = inner
    }

    var size: Int64? { nil }
    var damage: String? { inner.damage }

    func kept(from position: Int64) -> any ByteSource {
        lock.withLock { Kept(name, chunks.filter { $0.start + SpooledSource.chunkBytes > position }) }
    }

    func forget(before position: Int64) {
        lock.withLock { chunks.removeAll { $0.start + SpooledSource.chunkBytes <= position } }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(ExtractError) -> Int {
        lock.lock()
        defer { lock.unlock() }
        var total = 0
        if position < produced {
            total = try SpooledSource.read(
                chunks,
                into: UnsafeMutableRawBufferPointer(
                    rebasing: buffer[..<min(buffer.count, Int(produced - position))]),
                at: position, name)
        }
        if total < buffer.count, position + Int64(total) == produced {
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[total...])
            let count = try inner.read(into: part, at: produced)
            try keep(UnsafeRawBufferPointer(rebasing: part[..<count]))
            total += count
        }
        return total
    }

    private func keep(_ bytes: UnsafeRawBufferPointer) throws(ExtractError) {
        var done = 0
        while done < bytes.count {
            if chunks.last.map({ produced >= $0.start + SpooledSource.chunkBytes }) ?? true {
                guard let chunk = Chunk(produced) else { throw failed() }
                chunks.append(chunk)
            }
            guard let chunk = chunks.last else { return }
            let inChunk = produced - chunk.start
            let wanted = min(bytes.count - done, Int(SpooledSource.chunkBytes - inChunk))
            let count = pwrite(chunk.descriptor, bytes.baseAddress! + done, wanted, off_t(inChunk))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failed() }
            done += count
            produced += Int64(count)
        }
    }

    private func failed() -> ExtractError {
        ExtractError(
            kind: .unreadable, object: name,
            message:
                "cannot be kept in \(NSTemporaryDirectory()) while it is loaded: \(String(cString: strerror(errno)))"
        )
    }

    private static func read(
        _ chunks: [Chunk], into buffer: UnsafeMutableRawBufferPointer, at position: Int64, _ name: String
    ) throws(ExtractError) -> Int {
        var total = 0
        while total < buffer.count {
            let place = position + Int64(total)
            guard let chunk = chunks.first(where: { $0.start <= place && place < $0.start + chunkBytes })
            else { break }
            let inChunk = place - chunk.start
            let wanted = min(buffer.count - total, Int(chunkBytes - inChunk))
            let count = pread(chunk.descriptor, buffer.baseAddress! + total, wanted, off_t(inChunk))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            total += count
        }
        return total
    }
}
