#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension UnsafeBufferPointer<UInt8> {
    /// The place of the first line feed at or behind `start`.
    @inline(__always)
    package func firstNewline(from start: Int = 0) -> Int? {
        guard let baseAddress, start < count else { return nil }
        return memchr(baseAddress + start, 0x0A, count - start).map {
            UnsafeRawPointer(baseAddress).distance(to: UnsafeRawPointer($0))
        }
    }
}
