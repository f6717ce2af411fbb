import Foundation

/// A page of memory with an unreadable page after it.
final class GuardedMemory {
    private let size = Int(sysconf(Int32(_SC_PAGESIZE)))
    private let start: UnsafeMutableRawPointer

    init() {
        start = mmap(nil, size * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        precondition(start != MAP_FAILED && mprotect(start + size, size, PROT_NONE) == 0)
    }

    deinit {
        munmap(start, size * 2)
    }

    func withBytes(_ bytes: [UInt8], _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        let place = start + (size - bytes.count)
        place.copyMemory(from: bytes, byteCount: bytes.count)
        body(UnsafeRawBufferPointer(start: place, count: bytes.count).bindMemory(to: UInt8.self))
    }
}
