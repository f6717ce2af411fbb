import Foundation

/// What an API has answered.
struct HTTPAnswer: Sendable {
    var status: Int
    /// By their names in lower case.
    var headers: [String: String]
    var body: HTTPAnswerBody
    /// Where it came from at last; nil: where it was asked for.
    var address: HTTPAddress?
}

/// The unpacked bytes of an answer. Large ones are put into a file that has no name, and read as memory.
package final class HTTPAnswerBody: @unchecked Sendable {
    // Written by one thread, then read by others.
    private var memory: UnsafeMutableRawPointer?
    private var capacity = 0
    private var descriptor: Int32 = -1
    private var mapped = false
    private(set) var count = 0

    /// What is larger goes into a file.
    private static let maxMemory = 256 << 10

    package init() {}

    deinit {
        if mapped { munmap(memory, count) } else { free(memory) }
        if descriptor >= 0 { close(descriptor) }
    }

    /// - Throws: the system's reason where the disk does not take it.
    package func append(_ data: Data) throws(SystemFailure) {
        if descriptor < 0, count + data.count > HTTPAnswerBody.maxMemory { try spill() }
        var outcome: Result<Void, SystemFailure> = .success(())
        data.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
            if descriptor >= 0 {
                outcome = Result { () throws(SystemFailure) in try write(start, bytes.count) }
            } else {
                if count + bytes.count > capacity {
                    capacity = max(capacity * 2, count + bytes.count, 64 << 10)
                    memory = realloc(memory, capacity)
                }
                memcpy(memory! + count, start, bytes.count)
            }
        }
        try outcome.get()
        count += data.count
    }

    /// To be called once, when all is there.
    package func finish() throws(SystemFailure) {
        guard descriptor >= 0, count > 0 else { return }
        guard let pages = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), pages != MAP_FAILED else {
            throw SystemFailure("map a large answer")
        }
        (memory, mapped) = (pages, true)
        // The mapping holds the file; a batch of many answers would run out of descriptors.
        close(descriptor)
        descriptor = -1
    }

    var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(
            start: memory.map { UnsafePointer($0.assumingMemoryBound(to: UInt8.self)) }, count: count)
    }

    /// Lets go of the memory of what a reader has passed; it is read from the file again where somebody asks.
    func release(before offset: Int) {
        guard mapped, let memory else { return }
        let size = Int(getpagesize())
        let end = offset / size * size
        if end > 0 { madvise(memory, end, MADV_DONTNEED) }
    }

    /// The first characters, for a person.
    ///
    /// Secrets are hidden before it is cut, for of one that is cut a part would be seen.
    func excerpt(_ secrets: Secrets) -> String {
        let most = 16 << 10
        var start = secrets.hidden(String(decoding: bytes.prefix(most), as: UTF8.self))
        if count > most { start = String(start.prefix(most / 2)) }
        let line = start.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return line.count > 300 ? line.prefix(300) + " …" : line
    }

    private func spill() throws(SystemFailure) {
        descriptor = namelessFile()
        guard descriptor >= 0 else { throw SystemFailure("make a temporary file for a large answer") }
        if let memory { try write(memory, count) }
        free(memory)
        memory = nil
    }

    private func write(_ start: UnsafeRawPointer, _ length: Int) throws(SystemFailure) {
        var written = 0
        while written < length {
            #if canImport(Darwin)
                let count = Darwin.write(descriptor, start + written, length - written)
            #else
                let count = Glibc.write(descriptor, start + written, length - written)
            #endif
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemFailure("write a large answer to a temporary file") }
            written += count
        }
    }
}

/// What the system did not do, and its reason.
package struct SystemFailure: Error, CustomStringConvertible {
    package let description: String

    init(_ what: String) { description = "cannot \(what): \(String(cString: strerror(errno)))" }
}
